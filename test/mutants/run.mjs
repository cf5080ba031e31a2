// Breaks the code in each way of mutants.mjs, one at a time and in a copy, and demands that the tests turn red.
// `node test/mutants/run.mjs [part of a name]`
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mutated } from './mutated.mjs';
import { MUTANTS } from './mutants.mjs';

const ROOT = join(import.meta.dirname, '../..');
const COPIED = ['lib', 'test', 'tools', 'package.json', 'jest.config.mjs'];
const TSCONFIGS = ['tsconfig.json', 'tsconfig.build.json'];

const wanted = process.argv[2] ?? '';
const mutants = MUTANTS.filter(({ name }) => name.includes(wanted));
const survivors = [];
for (const mutant of mutants) {
  const started = Date.now();
  const verdict = tryMutant(mutant);
  if (verdict !== 'caught') survivors.push(mutant.name);
  console.log(`${verdict.padEnd(9)} ${mutant.name} (${((Date.now() - started) / 1000).toFixed(0)} s)`);
}
console.log(`\n${mutants.length - survivors.length} caught, ${survivors.length} survived`);
process.exitCode = survivors.length === 0 && mutants.length > 0 ? 0 : 1;

/** `caught` only if it builds and a test fails: a mutant that does not run proves nothing. */
function tryMutant(mutant) {
  const folder = mkdtempSync(join(tmpdir(), 'exclusive-lock-mutant-'));
  try {
    for (const path of [...COPIED, ...TSCONFIGS])
      cpSync(join(ROOT, path), join(folder, path), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    breakCode(folder, mutant);
    for (const [command, ...args] of [
      ['node', 'tools/embed-scripts.mjs'],
      [
        'npx',
        'tsc',
        '-p',
        'tsconfig.build.json',
        '--noUnusedLocals',
        'false',
        '--noUnusedParameters',
        'false',
      ],
      ['npx', 'tsc', '-p', 'test/apps/tsconfig.build.json'],
    ]) {
      const built = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
      if (built.status !== 0) return `does not build: ${built.stdout}${built.stderr}`;
    }
    return runTests(folder, mutant.tests);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function breakCode(folder, mutant) {
  const path = join(folder, mutant.file);
  writeFileSync(path, mutated(readFileSync(path, 'utf8'), mutant));
}

function runTests(folder, pattern) {
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const jest = ['node_modules/jest/bin/jest.js', '--bail', '--testPathPatterns', pattern];
  const { status, stderr } = spawnSync('node', [...flags, ...jest], { cwd: folder, encoding: 'utf8' });
  if (status === 0) return 'SURVIVED';
  return /^  ● /m.test(stderr) && !stderr.includes('Test suite failed to run')
    ? 'caught'
    : `no test ran: ${stderr}`;
}
