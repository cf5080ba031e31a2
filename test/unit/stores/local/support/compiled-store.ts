import { transform } from '@swc/core';
import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { temporaryFolder } from './temporary-folder.js';

const SOURCES = ['common', 'stores', 'stores/local'];

/** Compiles the store to plain JavaScript for other processes to load; resolves to the module's path. */
export async function compileStore(): Promise<string> {
  const target = await temporaryFolder();
  await symlink(resolve('node_modules'), join(target, 'node_modules'));
  await writeFile(join(target, 'package.json'), '{ "type": "module" }');
  for (const folder of SOURCES) {
    const files = (await readdir(join('lib', folder))).filter((file) => file.endsWith('.ts'));
    await Promise.all(files.map((file) => compile(join('lib', folder, file), join(target, folder, file))));
  }
  return join(target, 'stores/local/local-lock-store.js');
}

async function compile(source: string, target: string): Promise<void> {
  const { code } = await transform(await readFile(source, 'utf8'), {
    swcrc: false,
    module: { type: 'es6' },
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  });
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target.replace(/\.ts$/, '.js'), code);
}
