// npm run bench -- [--rounds=5] [--only=alone,leases] [--packages=redlock,…] [--write]
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '..');

if (!existsSync(join(HERE, 'node_modules/ioredis'))) {
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: HERE, stdio: 'inherit' });
}
putLibrary();
// Only now can what needs the packages be loaded.
const { ALL_PACKAGES, ALL_WORKLOADS, runWorkloads } = await import('./support/run-workloads.mjs');

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: ALL_WORKLOADS.join() },
    packages: { type: 'string', default: ALL_PACKAGES.join() },
    write: { type: 'boolean', default: false },
  },
});
const report = await runWorkloads({
  workloads: values.only.split(','),
  packages: values.packages.split(','),
  rounds: Number(values.rounds),
});
console.log(report);
if (values.write) writeFileSync(join(HERE, 'RESULTS.md'), report);

/** Where an npm install would put it: so it shares ioredis and Nest with the other packages. */
function putLibrary() {
  const target = join(HERE, 'node_modules/nestjs-exclusive-lock');
  rmSync(target, { recursive: true, force: true });
  cpSync(join(ROOT, 'dist'), join(target, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(target, 'package.json'));
}
