import type { LedgerHold, LedgerReading, LedgerRow } from '../ledger/ledger-table.js';

// What stands in etcd. All keys begin alike, so that a role needs one permission:
//   exclusive-lock/rows/<key>           what is remembered of a lock, as JSON
//   exclusive-lock/holds/<key>          who holds it, as JSON; attached to the lease of the holder's process
//   exclusive-lock/processes/<lease>    the locks that this process was given last; attached to its lease
const ROOT = 'exclusive-lock/';
const ROWS = `${ROOT}rows/`;
const HOLDS = `${ROOT}holds/`;
export const PROCESSES = `${ROOT}processes/`;

/** What is remembered of a lock while nobody holds it, too. */
export interface EtcdRow extends Omit<LedgerRow, 'held'> {
  /** The time of the decision that wrote it, milliseconds since the epoch. */
  readonly at: number;
  /** Until when it is needed while nobody holds the lock. */
  readonly keepUntil: number;
}

/** A reading with what tells whether others have written since: the revisions of both keys, '0' if there is none. */
export interface EtcdReading extends LedgerReading {
  readonly rowRevision: string;
  readonly holdRevision: string;
}

/** A key and its value, as the gateway gives them. */
export interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
}

/** What is false, 0 or empty is left out of a reply. */
export interface RangeReply {
  readonly kvs?: readonly KeyValue[];
}

export interface TxnReply {
  readonly header: { readonly revision: string };
  readonly succeeded?: boolean;
  readonly responses?: readonly StepReply[];
}

/** The reply to one operation. */
interface StepReply {
  readonly response_range?: RangeReply;
  readonly response_txn?: { readonly succeeded?: boolean };
}

export const rowKey = (key: string): string => base64(ROWS + key);
export const holdKey = (key: string): string => base64(HOLDS + key);
export const processKey = (lease: string): string => base64(PROCESSES + lease);

/** The key of the lock whose row or hold has this key. */
export const keyOfRow = (key: string): string => text(key).slice(ROWS.length);
export const keyOfHold = (key: string): string => text(key).slice(HOLDS.length);
/** The lease of the process with this key. */
export const leaseOf = (key: string): string => text(key).slice(PROCESSES.length);

/** The one key that was asked for; undefined if there is none. */
export function found(reply: StepReply | undefined): KeyValue | undefined {
  return reply?.response_range?.kvs?.[0];
}

/** Operations that are made only if all of these comparisons are true. */
export function stepIf(compare: readonly object[], success: readonly object[]): object {
  return { request_txn: { compare, success } };
}

/** Whether they were made. */
export function isMade({ response_txn }: StepReply): boolean {
  return response_txn?.succeeded === true;
}

/** Whether nobody has written the key since it had this revision; '0': whether there is no such key. */
export function isAt(key: string, revision: string): object {
  return { key, target: 'MOD', result: 'EQUAL', mod_revision: revision };
}

/** `lease`: the key is gone when that is. */
export function put(key: string, value: unknown, lease?: string): object {
  return { request_put: { key, value: base64(JSON.stringify(value)), ...(lease && { lease }) } };
}

export function remove(key: string): object {
  return { request_delete_range: { key } };
}

/** What is remembered of a lock. */
export const rowIn = (kv: KeyValue): EtcdRow => valueOf(kv) as EtcdRow;
/** Who holds it. */
export const holdIn = (kv: KeyValue): LedgerHold => valueOf(kv) as LedgerHold;
/** The locks that a process was given last. */
export const keysIn = (kv: KeyValue): readonly string[] => valueOf(kv) as readonly string[];

export function rowsRange(prefix: string): Range {
  return range(ROWS + prefix);
}

export function holdsRange(prefix: string): Range {
  return range(HOLDS + prefix);
}

/** All keys that begin like this. */
export function range(prefix: string): Range {
  const end = Buffer.from(prefix);
  // In UTF-8 no byte is 255.
  end[end.length - 1] += 1;
  return { key: base64(prefix), range_end: end.toString('base64') };
}

interface Range {
  readonly key: string;
  readonly range_end: string;
}

/** The key right behind this one. */
export function after(key: string): string {
  return Buffer.concat([Buffer.from(key, 'base64'), Buffer.of(0)]).toString('base64');
}

function valueOf({ value = '' }: KeyValue): unknown {
  return JSON.parse(text(value));
}

function base64(value: string): string {
  return Buffer.from(value).toString('base64');
}

function text(value: string): string {
  return Buffer.from(value, 'base64').toString();
}

/** Calls for some at a time, all at once: etcd limits the operations of a call. */
export async function inChunks<T, R>(
  all: readonly T[],
  size: number,
  call: (some: readonly T[]) => Promise<readonly R[]>,
): Promise<readonly R[]> {
  const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
    all.slice(i * size, (i + 1) * size),
  );
  return (await Promise.all(chunks.map(call))).flat();
}
