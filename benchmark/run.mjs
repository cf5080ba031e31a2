// npm run bench -- [--rounds=5] [--only=alone,leases] [--packages=redlock,…] [--against=<commit>] [--write]
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installBefore, installLibrary, installPackages } from './support/install.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
    packages: { type: 'string' },
    against: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
installPackages();
installLibrary();
if (values.against !== undefined) installBefore(values.against);

// Only now can what needs the packages be loaded.
const { runWorkloads } = await import('./support/run-workloads.mjs');
const { targetsTable } = await import('./support/targets.mjs');

const { report, results } = await runWorkloads({
  workloads: values.only?.split(','),
  packages: values.packages?.split(','),
  withBefore: values.against !== undefined,
  rounds: Number(values.rounds),
});
console.log(report);
console.log(targetsTable(results));
if (values.write) writeFileSync(join(import.meta.dirname, 'RESULTS.md'), report);
