import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';

/** Who holds a lock. Only `contents` is known of a lock that another program took, such as `exclusive-lock` 2.0.0. */
export interface Holder {
  /** The replica's id, as given by the option `replica` or made from host and pid. */
  readonly replica?: string;
  readonly host?: string;
  readonly pid?: number;
  /** When the lock was asked for, by the holder's clock. */
  readonly since?: Date;
  /** What the holder put into the lock with the option `contents`. */
  readonly contents?: unknown;
}

/** What is stored while a lock is held. The token makes it unique to one acquisition. */
interface HolderRecord {
  token: string;
  replica: string;
  host: string;
  pid: number;
  since: string;
  contents?: unknown;
}

/** Writes the records by which this process is known as a holder. */
export class HolderIdentity {
  readonly #replica: string;
  // 128 random bits of the process, then a counter: unique to the acquisition, and cheap.
  readonly #tokenPrefix = randomBytes(16).toString('base64url');
  #count = 0;

  constructor(replica: string = `${hostname()}:${process.pid}`) {
    this.#replica = replica;
  }

  newRecord(contents: unknown): string {
    const record: HolderRecord = {
      token: `${this.#tokenPrefix}.${++this.#count}`,
      replica: this.#replica,
      host: hostname(),
      pid: process.pid,
      since: new Date().toISOString(),
      contents,
    };
    checkContents(contents);
    return JSON.stringify(record);
  }
}

/** @throws LockConfigurationError when JSON would throw, or leave the value out without a word */
function checkContents(contents: unknown): void {
  if (contents === undefined) return;
  let json: string | undefined;
  let cause: unknown;
  try {
    json = JSON.stringify(contents);
  } catch (error) {
    cause = error;
  }
  if (json === undefined) throw new LockConfigurationError(messages.contentsNotJson(), { cause });
}

/** Reads a stored record, whoever wrote it. */
export function parseHolder(record: string): Holder {
  const stored = parseJson(record);
  if (!isHolderRecord(stored)) return { contents: stored };
  const { replica, host, pid, since, contents } = stored;
  return { replica, host, pid, since: new Date(since), contents };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isHolderRecord(value: unknown): value is HolderRecord {
  return (
    typeof value === 'object' && value !== null && 'token' in value && 'replica' in value && 'since' in value
  );
}
