import { cpus, loadavg } from 'node:os';
import { comparison } from './comparison.mjs';
import { table } from './markdown.mjs';
import { core } from './pinning.mjs';
import { startRedis } from './redis-server.mjs';

const ALL_WORKLOADS = [
  'alone',
  'in-flight',
  'losing-try',
  'top-of-minute',
  'tick-cost',
  'hand-over',
  'leases',
  'lease-memory',
  'idle-waiters',
  'waiters-drain',
  'decorator',
];

const LIBRARY = 'nestjs-exclusive-lock';
/** The build of another commit; see install.mjs. */
const BEFORE = 'before';

const ALL_PACKAGES = [
  'raw-ioredis',
  'raw-fenced',
  LIBRARY,
  'redlock',
  'sesamecare-redlock',
  'redis-semaphore',
  'redlock-universal',
  'simple-redis-mutex',
  'murlock',
];

/**
 * Runs the workloads one after the other. Resolves to the report in Markdown, and to the rounds of each package in each
 * workload. `withBefore`: also the build of before, next to the one of now.
 */
export async function runWorkloads({
  workloads = ALL_WORKLOADS,
  packages = ALL_PACKAGES,
  rounds,
  withBefore,
}) {
  checkNames('only', workloads, ALL_WORKLOADS);
  checkNames('packages', packages, ALL_PACKAGES);
  const asked = withBefore ? packages.flatMap((one) => (one === LIBRARY ? [one, BEFORE] : one)) : packages;
  const loads = [loadavg()[0]];
  const sections = [];
  const unpinned = [];
  const results = new Map();
  let version;
  for (const name of workloads) {
    console.error(`${name} …`);
    const workload = await import(`../workloads/${name}.mjs`);
    if (workload.onAnyCore) unpinned.push(name);
    const server = await startRedis({ onAnyCore: workload.onAnyCore });
    version = server.version;
    try {
      const run = { packages: asked, rounds, port: server.port, redis: server.client };
      const { section, measured } = await runWorkload(name, workload, run);
      results.set(name, measured);
      sections.push(section);
      // What is measured is not lost with what comes after it.
      console.error(`\n${section}\n`);
    } finally {
      await server.close();
    }
    loads.push(loadavg()[0]);
  }
  const report = [heading({ version, rounds, loads, unpinned }), ...sections].join('\n\n') + '\n';
  return { report, results };
}

async function runWorkload(name, workload, run) {
  const asked = run.packages.filter((one) => !workload.only || workload.only.includes(one));
  const modules = new Map();
  for (const one of asked) modules.set(one, await import(`../packages/${one}.mjs`));
  const packages = asked.filter((one) => !modules.get(one).leftOut?.[name]);
  const rounds = Math.min(run.rounds, workload.mostRounds ?? Infinity);
  const measured = await workload.measure({ ...run, rounds, packages });
  const parts = [
    `## ${workload.title}`,
    rounds < run.rounds ? `${workload.about} Rounds: ${rounds}.` : workload.about,
    packagesTable(name, workload, modules, measured),
  ];
  if (measured.has(BEFORE)) {
    const { title } = modules.get(BEFORE);
    parts.push(comparison(workload.columns, measured.get(LIBRARY), measured.get(BEFORE), title));
  }
  return { section: parts.join('\n\n'), measured };
}

function packagesTable(name, { columns }, modules, measured) {
  const lines = [...modules].map(([one, { title, leftOut }]) => {
    const cells = measured.has(one)
      ? columns.map(({ show }) => show(measured.get(one)))
      : [`left out: ${leftOut[name]}`, ...columns.slice(1).map(() => '')];
    return [title, ...cells];
  });
  return table(['', ...columns.map(({ title }) => title)], lines);
}

function checkNames(option, names, known) {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`--${option} knows no ${unknown.join(', ')}; there are ${known.join(', ')}.`);
}

function heading({ version, rounds, loads, unpinned }) {
  const exceptions = unpinned.length > 0 ? ` (not for ${unpinned.join(', ')})` : '';
  const where =
    core === undefined ? 'not pinned to a core' : `client and server pinned to one core${exceptions}`;
  return [
    '# Results of `npm run bench`',
    [
      `${new Date().toISOString().slice(0, 10)}; Node ${process.versions.node}, redis-server ${version} on loopback,`,
      `${cpus()[0]?.model.trim() ?? 'unknown CPU'} (${cpus().length} cores), ${where}. Medians of ${rounds} rounds.`,
      `Load average in the course of it: ${loads.map((load) => load.toFixed(1)).join(', ')}.`,
    ].join('\n'),
  ].join('\n\n');
}
