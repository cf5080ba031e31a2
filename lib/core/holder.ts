import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { LockConfigurationError } from '../common/errors.js';
import type { Holder } from '../common/holder.js';
import { messages } from '../common/messages.js';

/** What is stored while a lock is held. The token makes it unique to one acquisition. */
interface HolderRecord {
  token: string;
  application?: string | undefined;
  replica: string;
  host: string;
  pid: number;
  since: string;
  occurrence?: string | undefined;
  contents?: unknown;
}

/** Writes the records by which this process is known as a holder. */
export class HolderIdentity {
  // 128 random bits of the process, then a counter: unique to the acquisition, and cheap.
  readonly #beforeCount = `{"token":"${randomBytes(16).toString('base64url')}.`;
  /** What is the same in all records, written once. */
  readonly #afterCount: string;
  #count = 0;
  /** The time of the last record, which many records of a busy process share. */
  #writtenAt = 0;
  #since = '';

  constructor(replica?: string, application?: string) {
    const host = hostname();
    const { pid } = process;
    const constant = JSON.stringify({ application, replica: replica ?? `${host}:${pid}`, host, pid });
    this.#afterCount = `",${constant.slice(1, -1)},"since":"`;
  }

  /** @throws LockConfigurationError for contents that JSON cannot hold */
  newRecord(contents: unknown, occurrence?: string): string {
    const now = Date.now();
    if (now !== this.#writtenAt) {
      this.#writtenAt = now;
      this.#since = new Date(now).toISOString();
    }
    let record = this.#beforeCount + String(++this.#count) + this.#afterCount + this.#since;
    record += occurrence === undefined ? '"' : `","occurrence":${JSON.stringify(occurrence)}`;
    return record + (contents === undefined ? '}' : `,"contents":${contentsAsJson(contents)}}`);
  }
}

/** @throws LockConfigurationError for contents that JSON cannot hold */
export function checkContents(contents: unknown): void {
  if (contents !== undefined) contentsAsJson(contents);
}

/** @throws LockConfigurationError where JSON would throw, or leave the value out without a word */
function contentsAsJson(contents: unknown): string {
  let json: string | undefined;
  let cause: unknown;
  try {
    json = JSON.stringify(contents);
  } catch (error) {
    cause = error;
  }
  if (json === undefined) throw new LockConfigurationError(messages.contentsNotJson(), { cause });
  return json;
}

/** Reads a stored record, whoever wrote it. */
export function parseHolder(record: string): Holder {
  const stored = parseJson(record);
  if (!isHolderRecord(stored)) return { contents: stored, raw: record };
  const { application, replica, host, pid, since, occurrence, contents } = stored;
  return {
    ...(application && { application }),
    replica,
    host,
    pid,
    since: new Date(since),
    ...(occurrence && { occurrence }),
    contents,
  };
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
