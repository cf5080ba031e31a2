import type { Command } from '../command.js';
import { checkRedis } from '../doctor/redis-checks.js';
import { checkClocks, checkLatency, checkPermissions } from '../doctor/store-checks.js';
import type { Finding } from '../doctor/finding.js';
import { EXIT } from '../exit-codes.js';
import type { CellStyle, Column } from '../table.js';

const STYLES: Readonly<Record<Finding['status'], CellStyle>> = {
  ok: 'green',
  warning: 'yellow',
  problem: 'red',
};

const COLUMNS: readonly Column<Finding>[] = [
  { title: 'CHECK', text: ({ check }) => check },
  { title: '', text: ({ status }) => status, style: ({ status }) => STYLES[status] },
  { title: 'FOUND', text: ({ found }) => found },
];

export const doctor: Command = {
  usage: '',
  summary: 'checks the store: reachable, settings, permissions, clocks, latency; exits with 1 for a problem',
  words: { least: 0, most: 0 },
  // As few as all stores allow, so that a lease is renewed soon.
  settings: { ttl: 4_000, renewEvery: 200, application: 'doctor', history: 1 },
  async run(context) {
    const { output, place, warnings } = context;
    const findings: Finding[] = [await checkLatency(context)];
    if ('redis' in place && place.redis) findings.push(...(await checkRedis(place.redis)));
    // The trial of the permissions has warnings of its own.
    const atStart = warnings.map((found) => ({ check: 'start', status: 'warning', found }) as const);
    findings.push(...atStart, ...(await checkPermissions(context)), await checkClocks(context));
    output.table(COLUMNS, findings, '');
    if (!output.isJson)
      for (const { check, advice } of findings) if (advice) output.say(`${check}: ${advice}`, {});
    return findings.some(({ status }) => status === 'problem') ? EXIT.refused : EXIT.done;
  },
};
