import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const LIB = join(import.meta.dirname, '../../../lib');

/** What a file imports, its types too, as declarations import them. */
function importsOf(file: string): string[] {
  return ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles.map(({ fileName }) => fileName);
}

/** The files that an entry point leads to, and the packages that they import. */
function reachedFrom(entry: string): { files: Set<string>; packages: Set<string> } {
  const files = new Set([entry]);
  const packages = new Set<string>();
  for (const file of files) {
    for (const imported of importsOf(file)) {
      if (imported.startsWith('.')) files.add(join(dirname(file), imported.replace(/\.js$/, '.ts')));
      else if (!imported.startsWith('node:')) packages.add(imported);
    }
  }
  return { files, packages };
}

describe('the entry point nestjs-exclusive-lock/locks', () => {
  it('imports ioredis, ms and no other package, so that scripts need neither Nest nor rxjs', () => {
    const { files, packages } = reachedFrom(join(LIB, 'locks/index.ts'));
    expect(files).toContain(join(LIB, 'core/lock-manager.ts'));
    expect([...packages].toSorted()).toEqual(['ioredis', 'ms']);
  });

  it('has all that it exports in the main entry point, too', async () => {
    const [locks, main] = await Promise.all([
      import('nestjs-exclusive-lock/locks'),
      import('nestjs-exclusive-lock'),
    ]);
    expect(main).toMatchObject(locks);
  });
});
