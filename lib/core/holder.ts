import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { LockConfigurationError } from '../common/errors.js';
import type { Holder } from '../common/holder.js';
import { messages } from '../common/messages.js';
import type { HeldBy } from '../stores/lock-store.js';

/** What the store keeps about a holder. */
interface StoredHolder {
  application?: string | undefined;
  replica: string;
  host: string;
  pid: number;
  since: string;
  occurrence?: string | undefined;
  contents?: unknown;
}

/** Describes this process as a holder. */
export class HolderIdentity {
  /** The name that other replicas see. */
  readonly replica: string;
  /** 96 random bits of the process, followed by a counter: unique to the acquisition, and cheap. */
  readonly #process = `${randomBytes(12).toString('base64url')}.`;
  /** The part of the record that is the same for all locks, written once. */
  readonly #beforeSince: string;
  #count = 0;
  /** The last time that was written. Many acquisitions of a busy process share it. */
  #writtenAt = 0;
  #since = '';

  constructor(replica?: string, application?: string) {
    const host = hostname();
    const { pid } = process;
    this.replica = replica ?? `${host}:${pid}`;
    const constant = JSON.stringify({ application, replica: this.replica, host, pid });
    this.#beforeSince = `${constant.slice(0, -1)},"since":"`;
  }

  /** Returns a new owner for one acquisition. */
  newOwner(): string {
    return this.#process + (++this.#count).toString(36);
  }

  /** @throws LockConfigurationError for contents that JSON cannot hold */
  describe(contents: unknown, occurrence?: string): string {
    const now = Date.now();
    if (now !== this.#writtenAt) {
      this.#writtenAt = now;
      this.#since = `${new Date(now).toISOString()}"`;
    }
    let holder = this.#beforeSince + this.#since;
    if (occurrence !== undefined) holder += `,"occurrence":${JSON.stringify(occurrence)}`;
    return holder + (contents === undefined ? '}' : `,"contents":${contentsAsJson(contents)}}`);
  }
}

/** @throws LockConfigurationError for contents that JSON cannot hold */
export function checkContents(contents: unknown): void {
  if (contents !== undefined) contentsAsJson(contents);
}

/** @throws LockConfigurationError if JSON.stringify throws, or would silently leave the value out */
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

/** Reads a stored holder, even one that another program has written. */
export function parseHolder({ owner, holder }: Pick<HeldBy, 'owner' | 'holder'>): Holder {
  const stored = parseJson(holder);
  if (owner === undefined || !isStoredHolder(stored)) return { contents: stored, raw: holder };
  // Written out, because spreading objects would take longer than everything else here.
  const { application, occurrence } = stored;
  const known: Writable<Holder> = {
    replica: stored.replica,
    host: stored.host,
    pid: stored.pid,
    since: new Date(stored.since),
    contents: stored.contents,
  };
  if (application) known.application = application;
  if (occurrence) known.occurrence = occurrence;
  return known;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isStoredHolder(value: unknown): value is StoredHolder {
  return typeof value === 'object' && value !== null && 'replica' in value && 'since' in value;
}
