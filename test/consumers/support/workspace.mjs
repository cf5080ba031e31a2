import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from './command.mjs';
import { readExamples } from './examples.mjs';

const ROOT = join(import.meta.dirname, '../../..');
const TEMPLATES = join(import.meta.dirname, '../templates');
const MINUTE = 60_000;

/** What every consumer compiles with. Our declarations are checked too, not only what is made of them. */
const STRICT = {
  target: 'ES2022',
  rootDir: './src',
  outDir: './dist',
  types: ['node'],
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  isolatedModules: true,
  esModuleInterop: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
};

/** Builds and packs the library. @returns the tarball's path */
export async function pack(folder) {
  await mkdir(folder);
  await run('npm', ['pack', '--pack-destination', folder], { cwd: ROOT, limit: 2 * MINUTE });
  const tarball = (await readdir(folder)).find((file) => file.endsWith('.tgz'));
  return join(folder, tarball);
}

/** Makes the consumer's project in the folder: sources, dependencies, compiled by its own compiler. */
export async function prepare(consumer, folder, tarball) {
  await cp(join(TEMPLATES, consumer.template), folder, { recursive: true });
  const examples = readExamples();
  for (const [name, path] of Object.entries(consumer.examples ?? {})) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), examples.get(name));
  }
  await writeJson(join(folder, 'package.json'), {
    name: consumer.name,
    private: true,
    type: consumer.type ?? 'commonjs',
    dependencies: { ...consumer.dependencies, 'nestjs-exclusive-lock': `file:${tarball}` },
  });
  await writeJson(join(folder, 'tsconfig.json'), {
    compilerOptions: { ...STRICT, ...consumer.compilerOptions },
    include: ['src'],
  });
  const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  await run('npm', ['install', ...quiet], { cwd: folder, limit: 3 * MINUTE });
  await run(process.execPath, ['node_modules/typescript/bin/tsc'], { cwd: folder, limit: MINUTE });
}

function writeJson(path, value) {
  return writeFile(path, JSON.stringify(value, undefined, 2));
}
