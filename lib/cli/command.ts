import type { ParseArgsConfig } from 'node:util';
import type { LockManager } from '../core/lock-manager.js';
import type { OpenLocksSettings } from '../locks/open-locks.js';
import type { Locks } from '../locks/locks.js';
import type { StorePlace } from '../exclusive-lock.options.js';
import type { ExitCode } from './exit-codes.js';
import type { Output } from './output.js';

export type CommandOptions = NonNullable<ParseArgsConfig['options']>;

/** One command, such as `ls`. */
export interface Command {
  /** What comes after its name, for the help: `<job> --reason <text>`. */
  readonly usage: string;
  /** What it does, for the help. */
  readonly summary: string;
  /** How many words it takes besides its options. */
  readonly words: { readonly least: number; readonly most: number };
  /** Its options beside those that all commands have. */
  readonly options?: CommandOptions;
  /** What it changes in the settings of the locks. */
  readonly settings?: OpenLocksSettings;
  run(context: CommandContext): Promise<ExitCode>;
}

/** What a command works with. */
export interface CommandContext {
  readonly locks: Locks;
  readonly manager: LockManager;
  readonly place: StorePlace;
  /** What the store has warned of so far. */
  readonly warnings: readonly string[];
  readonly output: Output;
  readonly words: readonly string[];
  /** The options that were given. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** Aborts when the user wants it to end. */
  readonly signal: AbortSignal;
}
