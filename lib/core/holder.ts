import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { LockConfigurationError } from '../common/errors.js';
import type { Holder } from '../common/holder.js';
import { messages } from '../common/messages.js';

/** What is stored while a lock is held. The token makes it unique to one acquisition. */
interface HolderRecord {
  token: string;
  replica: string;
  host: string;
  pid: number;
  since: string;
  occurrence?: string | undefined;
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

  newRecord(contents: unknown, occurrence?: string): string {
    const record: HolderRecord = {
      token: `${this.#tokenPrefix}.${++this.#count}`,
      replica: this.#replica,
      host: hostname(),
      pid: process.pid,
      since: new Date().toISOString(),
      occurrence,
      contents,
    };
    checkContents(contents);
    return JSON.stringify(record);
  }
}

/** @throws LockConfigurationError when JSON would throw, or leave the value out without a word */
export function checkContents(contents: unknown): void {
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
  const { replica, host, pid, since, occurrence, contents } = stored;
  return { replica, host, pid, since: new Date(since), ...(occurrence && { occurrence }), contents };
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
