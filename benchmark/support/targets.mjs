// What the library must reach, in one place. `key` names a figure of the workload. `ofBefore`: its ratio to the build of
// --against, which is meant to be ab3639b.
import { ratios } from './columns.mjs';
import { table } from './markdown.mjs';
import { median } from './statistics.mjs';

const TARGETS = [
  { row: 'acquire and release alone, of raw ioredis', workload: 'alone', key: 'rate', atLeast: 0.85 },
  {
    row: '64 in flight, of the build of before',
    workload: 'in-flight',
    key: 'rate',
    ofBefore: true,
    atLeast: 1.3,
  },
  { row: 'a try that loses, of raw SET NX', workload: 'losing-try', key: 'rate', atLeast: 0.6 },
  {
    row: 'top of the minute: last answer, of the build of before',
    workload: 'top-of-minute',
    key: 'last',
    ofBefore: true,
    atMost: 1 / 3,
  },
  {
    row: 'top of the minute: first answer, of the last',
    workload: 'top-of-minute',
    key: 'firstOfLast',
    atMost: 0.1,
  },
  {
    row: 'top of the minute: ticks granted exactly once, of all',
    workload: 'top-of-minute',
    key: 'onceOfDue',
    sumUp: (shares) => Math.min(...shares),
    atLeast: 1,
  },
  { row: 'cron tick over 3 replicas: commands', workload: 'tick-cost', key: 'commands', atMost: 4 },
  { row: 'cron tick over 3 replicas: calls in scripts', workload: 'tick-cost', key: 'calls', atMost: 14 },
  { row: 'hand-over to 8 processes: p50, ms', workload: 'hand-over', key: 'p50', atMost: 0.8 },
  { row: 'hand-over to 8 processes: p99, ms', workload: 'hand-over', key: 'p99', atMost: 3 },
  { row: '10,000 leases: commands a second', workload: 'leases', key: 'commands', atMost: 6 },
  { row: '10,000 leases: client CPU, ms a second', workload: 'leases', key: 'cpu', atMost: 3 },
  { row: '10,000 leases: heap, bytes each', workload: 'lease-memory', key: 'heap', atMost: 500 },
  { row: '10,000 leases: in Redis, bytes each', workload: 'lease-memory', key: 'stored', atMost: 220 },
  {
    row: '10,000 leases: server CPU in 20 s, s',
    workload: 'lease-memory',
    key: 'serverCpu',
    atMost: 0.2,
  },
  { row: '1000 waiters: last grant, s', workload: 'waiters-drain', key: 'last', atMost: 0.25 },
  { row: 'locks.run() in the memory store, µs', workload: 'decorator', key: 'service', atMost: 3.5 },
  { row: 'the decorator on top of it, µs', workload: 'decorator', key: 'added', atMost: 1 },
];

/** How what was measured compares with the targets, in Markdown; empty where there is none for it. */
export function targetsTable(results) {
  const rows = TARGETS.filter(({ workload }) => results.get(workload)?.has('nestjs-exclusive-lock')).map(
    (target) => rowOf(target, results.get(target.workload)),
  );
  return rows.length === 0 ? '' : table(['row', 'this build', 'must reach', 'reached?'], rows);
}

function rowOf(target, packages) {
  const { row, atLeast, atMost } = target;
  const limit = atLeast === undefined ? `at most ${shown(atMost)}` : `at least ${shown(atLeast)}`;
  const value = valueOf(target, packages);
  if (value === undefined) return [row, 'needs --against', limit, ''];
  const reached = atLeast === undefined ? value <= atMost : value >= atLeast;
  return [row, shown(value), limit, reached ? 'yes' : 'no'];
}

function valueOf({ key, ofBefore, sumUp = median }, packages) {
  const rounds = packages.get('nestjs-exclusive-lock');
  if (!ofBefore) return sumUp(rounds.map((round) => round[key]));
  return packages.has('before') ? sumUp(ratios(rounds, packages.get('before'), key)) : undefined;
}

/** Three digits, and all of them before the point. */
function shown(value) {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
