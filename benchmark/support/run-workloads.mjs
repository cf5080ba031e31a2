import { cpus, loadavg } from 'node:os';
import { core } from './pinning.mjs';
import { startRedis } from './redis-server.mjs';

export const ALL_WORKLOADS = [
  'alone',
  'in-flight',
  'losing-try',
  'hand-over',
  'leases',
  'idle-waiters',
  'decorator',
];

export const ALL_PACKAGES = [
  'raw-ioredis',
  'raw-fenced',
  'nestjs-exclusive-lock',
  'redlock',
  'sesamecare-redlock',
  'redis-semaphore',
  'redlock-universal',
  'simple-redis-mutex',
  'murlock',
];

/** Runs the workloads one after the other, and resolves to the report in Markdown. */
export async function runWorkloads({ workloads, packages, rounds }) {
  checkNames('only', workloads, ALL_WORKLOADS);
  checkNames('packages', packages, ALL_PACKAGES);
  const loads = [loadavg()[0]];
  const sections = [];
  const unpinned = [];
  let version;
  for (const name of workloads) {
    console.error(`${name} …`);
    const workload = await import(`../workloads/${name}.mjs`);
    if (workload.onAnyCore) unpinned.push(name);
    const server = await startRedis({ onAnyCore: workload.onAnyCore });
    version = server.version;
    try {
      const run = { packages, rounds, port: server.port, redis: server.client };
      sections.push(await runWorkload(name, workload, run));
      // What is measured is not lost with what comes after it.
      console.error(`\n${sections.at(-1)}\n`);
    } finally {
      await server.close();
    }
    loads.push(loadavg()[0]);
  }
  return [heading({ version, rounds, loads, unpinned }), ...sections].join('\n\n') + '\n';
}

async function runWorkload(name, workload, run) {
  const asked = run.packages.filter((one) => !workload.only || workload.only.includes(one));
  const modules = new Map();
  for (const one of asked) modules.set(one, await import(`../packages/${one}.mjs`));
  const packages = asked.filter((one) => !modules.get(one).leftOut?.[name]);
  const rounds = Math.min(run.rounds, workload.mostRounds ?? Infinity);
  const { columns, rows } = await workload.measure({ ...run, rounds, packages });
  const lines = asked.map((one) => {
    const { title, leftOut } = modules.get(one);
    const cells = rows.get(one) ?? [`left out: ${leftOut[name]}`, ...columns.slice(1).map(() => '')];
    return [title, ...cells];
  });
  const about = rounds < run.rounds ? `${workload.about} Rounds: ${rounds}.` : workload.about;
  return [`## ${workload.title}`, about, table(['', ...columns], lines)].join('\n\n');
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

function table(columns, rows) {
  const all = [columns, ...rows];
  const widths = columns.map((_, i) => Math.max(3, ...all.map((row) => row[i].length)));
  const line = (cells) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(columns), line(rule), ...rows.map(line)].join('\n');
}
