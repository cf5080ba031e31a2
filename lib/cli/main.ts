import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { LockConfigurationError, LockStoreError } from '../common/errors.js';
import type { LoggerWithLevels } from '../common/logger.js';
import { OutageLog } from '../common/outage-log.js';
import { resolveSettings } from '../exclusive-lock.options.js';
import { openLockManager } from '../locks/open-lock-manager.js';
import { OpenedLocks, type OpenLocksOptions } from '../locks/open-locks.js';
import type { Command, CommandContext, CommandOptions } from './command.js';
import { COMMANDS } from './commands/index.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { helpText } from './help.js';
import { Output, type Terminal } from './output.js';
import { PLACE_OPTIONS, placeOf } from './place.js';
import { UsageError } from './usage-error.js';

/** What the command line works with: the process, or what a test has in its place. */
export interface Surroundings {
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  readonly env: NodeJS.ProcessEnv;
  /** The working folder. */
  readonly folder: string;
  /** Aborts when the user interrupts it. */
  readonly signal: AbortSignal;
}

/** What was asked for. */
interface Asked {
  readonly command: Command;
  readonly words: readonly string[];
  readonly options: CommandContext['options'];
}

const COMMON_OPTIONS = { ...PLACE_OPTIONS, json: { type: 'boolean' } } as const satisfies CommandOptions;
const VERSION = new URL('../../../package.json', import.meta.url);

/** Runs one command, and resolves to the exit code. */
export async function runCommandLine(args: readonly string[], around: Surroundings): Promise<ExitCode> {
  try {
    if (args.length === 0 || args.includes('--help')) {
      around.stdout.write(helpText());
      return args.length === 0 ? EXIT.usage : EXIT.done;
    }
    if (args.includes('--version')) {
      around.stdout.write(`${(JSON.parse(readFileSync(VERSION, 'utf8')) as { version: string }).version}\n`);
      return EXIT.done;
    }
    return await run(asked(args), around);
  } catch (error) {
    const code = exitCodeOf(error);
    if (code === undefined) throw error;
    around.stderr.write(`${(error as Error).message}\n`);
    return code;
  }
}

async function run({ command, words, options }: Asked, around: Surroundings): Promise<ExitCode> {
  const { env, folder, stdout, signal } = around;
  const place = await placeOf(options, env, folder);
  const warnings: string[] = [];
  const { locks, manager } = await open({ ...place, ...command.settings }, warnings);
  const output = new Output(stdout, env, options['json'] === true);
  try {
    return await command.run({ locks, manager, place, warnings, output, words, options, signal });
  } finally {
    await locks.close();
  }
}

/** As `openLocks()`. Errors are told by the command itself, once. */
async function open(
  place: OpenLocksOptions,
  warnings: string[],
): Promise<Pick<CommandContext, 'manager'> & { readonly locks: OpenedLocks }> {
  const logger: LoggerWithLevels = {
    log: () => undefined,
    warn: (message) => warnings.push(message),
    error: () => undefined,
  };
  const options = { ...place, logger, drainTimeout: 0 };
  const settings = resolveSettings(options);
  const manager = await openLockManager(options, settings, new OutageLog(settings.logger));
  return { manager, locks: new OpenedLocks(manager, settings) };
}

/** @throws UsageError */
function asked([name, ...args]: readonly string[]): Asked {
  const command: Command | undefined = Object.hasOwn(COMMANDS, name)
    ? COMMANDS[name as keyof typeof COMMANDS]
    : undefined;
  if (!command)
    throw new UsageError(`There is no command ${name}. The commands: ${Object.keys(COMMANDS).join(', ')}.`);
  const { values, positionals } = parse(args, { ...COMMON_OPTIONS, ...command.options });
  const { least, most } = command.words;
  if (positionals.length < least || positionals.length > most)
    throw new UsageError(`Usage: nestjs-exclusive-lock ${`${name} ${command.usage}`.trim()}`);
  return { command, words: positionals, options: values as Asked['options'] };
}

function parse(args: readonly string[], options: CommandOptions): ReturnType<typeof parseArgs> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Undefined for what is a fault of this package. */
function exitCodeOf(error: unknown): ExitCode | undefined {
  if (error instanceof UsageError || error instanceof LockConfigurationError) return EXIT.usage;
  if (error instanceof LockStoreError) return error.refused ? EXIT.refused : EXIT.unreachable;
  return undefined;
}
