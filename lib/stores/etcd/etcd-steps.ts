import { isAt, holdKey, processKey, put, remove, rowKey, stepIf } from './etcd-format.js';
import type { EtcdReading, EtcdRow } from './etcd-format.js';
import type { LedgerChange } from '../ledger/ledger-table.js';

/** Makes our own processes known, and tells others that they were given locks. They look whether that was written. */
export function newsOf(changes: readonly LedgerChange[], unannounced: readonly string[]): readonly object[] {
  const given = new Map<string, string[]>(unannounced.map((lease) => [lease, []]));
  for (const { key, given: grant } of changes)
    if (grant?.process) given.set(grant.process, [...(given.get(grant.process) ?? []), key]);
  return [...given].map(([lease, keys]) => put(processKey(lease), keys, lease));
}

/** Makes the change if nobody has written the keys since they were read. */
export function changing(change: LedgerChange): object {
  const { key, held } = change;
  const { rowRevision, holdRevision } = change.before as EtcdReading;
  const [row, hold] = [rowKey(key), holdKey(key)];
  const written = put(row, rowOf(change));
  // A renewal in between does no harm to a hold that is kept.
  if (held === 'kept') return stepIf([isAt(row, rowRevision)], [written]);
  const isSame = [isAt(row, rowRevision), isAt(hold, holdRevision)];
  return stepIf(isSame, [written, held === 'freed' ? remove(hold) : put(hold, held, held.process)]);
}

/** Frees a lock of which everything is known, if nobody has written its keys since. */
export function freeing(
  key: string,
  { row, rowRevision, holdRevision }: { row: EtcdRow; rowRevision: string; holdRevision: string },
): object {
  const isSame = [isAt(rowKey(key), rowRevision), isAt(holdKey(key), holdRevision)];
  return stepIf(isSame, [put(rowKey(key), row), remove(holdKey(key))]);
}

/** The row that a change writes. */
export function rowOf({
  before,
  fencingToken,
  ledger,
  keepUntil,
}: Omit<LedgerChange, 'key' | 'held'>): EtcdRow {
  return { at: before.now, fencingToken, ledger, keepUntil };
}
