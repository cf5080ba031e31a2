import { COMMANDS } from './commands/index.js';

const OPTIONS = [
  ['--redis <url>', 'where the locks are; better by REDIS_URL, since others can read the command line'],
  ['--local', 'those of this machine'],
  ['--folder <path>', 'those of this machine, in this folder'],
  [
    '--config <file>',
    'the options of openLocks(); without it, exclusive-lock.config.mjs (js, cjs, json) is looked for',
  ],
  ['--prefix <text>', "the application's prefix (exclusive-lock)"],
  ['--json', 'one JSON object a line'],
  ['--help, --version', ''],
] as const;

/** What `--help` prints. */
export function helpText(): string {
  const commands = Object.entries(COMMANDS).map(
    ([name, { usage, summary }]) => [`${name} ${usage}`.trim(), summary] as const,
  );
  return [
    'Usage: nestjs-exclusive-lock <command> [options]',
    '',
    ...linesOf(commands),
    '',
    'Options:',
    ...linesOf(OPTIONS),
    '',
    'Exit codes: 0 done, 1 refused or not found, 2 not understood, 3 the store does not answer.',
    '',
  ].join('\n');
}

function linesOf(rows: readonly (readonly [string, string])[]): string[] {
  return rows.map(([left, right]) => (right ? `  ${left}\n      ${right}` : `  ${left}`));
}
