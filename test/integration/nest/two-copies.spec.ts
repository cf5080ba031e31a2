import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SCRIPT = join(import.meta.dirname, 'support/two-copies.mjs');

async function run(copies: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<unknown> {
  const options = { env: { ...process.env, ...env } };
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, ...copies], options);
  return JSON.parse(stdout);
}

/** Whose decorator of methods, whose of classes, whose module. */
const COPIES = [
  ['esm', 'cjs', 'esm'],
  ['cjs', 'esm', 'esm'],
  ['esm', 'cjs', 'cjs'],
  ['cjs', 'cjs', 'cjs'],
];

describe('both builds of the package in one process', () => {
  it.each(COPIES)(
    'share the defaults of a class: methods by %s, defaults by %s, module of %s',
    async (...copies) => {
      await expect(run(copies)).resolves.toEqual({ replica: 'two-copies', contents: 'from the class' });
    },
  );

  it('see lock names that both have', async () => {
    await expect(run(['esm', 'cjs', 'esm'], { OTHER: 'job' })).resolves.toEqual({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringContaining('Jobs.run (in AppModule) and Jobs.other (in AppModule)'),
    });
  });
});

describe('two applications in one process, each with a build of its own', () => {
  it('recognise calls of the scheduler: a tick runs once, and a call by hand runs each time', async () => {
    const script = join(import.meta.dirname, 'support/two-copies-jobs.mjs');
    const folder = await mkdtemp(join(tmpdir(), 'two-copies-'));
    try {
      const env = { ...process.env, FOLDER: folder };
      const { stdout } = await promisify(execFile)(process.execPath, [script], { env });
      expect(JSON.parse(stdout)).toEqual(['tick', 'by hand', 'by hand']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('the CommonJS build under fake timers, which replace process.nextTick', () => {
  it('sends batched requests', async () => {
    const script = join(import.meta.dirname, 'support/batch-of-commonjs.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [script]);
    expect(JSON.parse(stdout)).toEqual([1, 2]);
  });
});
