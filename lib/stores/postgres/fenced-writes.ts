import { checkIsObject, checkOptions, refuse, type KnownOptions } from '../../common/check-options.js';
import { LockConfigurationError, LockLostError, type LossReason } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { checkNames, qualifiedName, quoted, type PostgresTableOptions } from './postgres-schema.js';

// Writes of the user that a stale holder cannot make. They run on a connection of the user.

/**
 * Runs statements on one connection: a client of pg, a `QueryRunner` or an `EntityManager` of TypeORM.
 */
export interface StatementRunner {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** What identifies a grant of a lock. Every `Lease` does. */
export interface GrantOfLock {
  readonly name: string;
  readonly fencingToken: number;
}

/** Where the row of a lock is: as it was said to `postgresStore()` and `forRoot()`. */
export interface LockPlace extends PostgresTableOptions {
  /** @default 'exclusive-lock' */
  readonly prefix?: string | undefined;
}

/** Which rows are written, and with what. */
export interface FencedUpdate {
  /** The table, with or without its schema: `reports`, `shop.reports`. */
  readonly table: string;
  /** The new values, by column. */
  readonly set: Readonly<Record<string, unknown>>;
  /** The values that identify the rows, by column. */
  readonly where: Readonly<Record<string, unknown>>;
  /**
   * Whether a lease writes a row once only, so that a repetition of the same update does nothing.
   *
   * @default false
   */
  readonly once?: boolean | undefined;
  /**
   * The column with the highest fencing token that has written the row, a `bigint`.
   *
   * @default 'fencing_token'
   */
  readonly tokenColumn?: string | undefined;
}

const PLACE: KnownOptions<LockPlace> = { prefix: true, schema: true, table: true };
const UPDATE: KnownOptions<FencedUpdate> = {
  table: true,
  set: true,
  where: true,
  once: true,
  tokenColumn: true,
};

/** A setting that only this transaction has. */
const MARK = 'exclusive_lock.transaction';
const BEGIN = `SELECT set_config('${MARK}', $1, true)`;
/** What ends a transaction whose client stands still. */
const IDLE = 'idle_in_transaction_session_timeout';
/** The setting has no room for much more. */
const LONGEST_IDLE = '20 days';

/**
 * Throws unless the lease still holds its lock, and keeps the lock from changing hands until the transaction ends. So
 * nothing that the transaction writes is committed by a stale holder. Call it first in the transaction, in the database
 * of `postgresStore()`.
 *
 * The holder can still renew its lease meanwhile, but the lock cannot be released, or taken by another, before the
 * transaction ends. If the transaction is idle for as long as the lease would last without a renewal, the server ends
 * it, with its connection.
 *
 * @param transaction the connection that the transaction runs on; never a pool
 * @param lease of a lock in PostgreSQL
 * @throws LockLostError if another has the lock, or may have it; roll the transaction back
 * @throws LockConfigurationError if there is no transaction
 * @example
 * await client.query('BEGIN');
 * await assertHeldIn(client, lease, { prefix: 'shop' });
 * await client.query('UPDATE …');
 * await client.query('COMMIT');
 */
export async function assertHeldIn(
  transaction: StatementRunner,
  { name, fencingToken }: GrantOfLock,
  place: LockPlace = {},
): Promise<void> {
  checkOptions(place, PLACE, 'assertHeldIn()');
  checkNames(place);
  const { prefix = 'exclusive-lock' } = place;
  keepAlive(transaction);
  const mark = String(Math.random());
  await transaction.query(BEGIN, [mark]);
  const values = [`${prefix}:${name}`, fencingToken, mark];
  const row = rowOf(await transaction.query(heldStatement(qualifiedName(place)), values)) as HeldRow;
  if (!row.is_transaction) throw new LockConfigurationError(messages.notInTransaction());
  if (row.is_held) return;
  const reason = reasonOf(row, fencingToken);
  throw new LockLostError(messages.lostInTransaction(name, reason), reason);
}

/**
 * Updates rows unless a newer holder of the lock has written them, and puts the fencing token of the lease into them. One
 * statement; the lock may be in any store.
 *
 * @returns how many rows were written: 0 if there are none, or if `once` is set and this lease has written them
 * @throws LockLostError if a newer holder has written one of the rows
 * @example
 * await updateFenced(pool, lease, { table: 'reports', set: { body }, where: { id } });
 */
export async function updateFenced(
  runner: StatementRunner,
  { name, fencingToken }: GrantOfLock,
  update: FencedUpdate,
): Promise<number> {
  checkUpdate(update);
  const { table, set, where, once = false } = update;
  const values = [fencingToken, ...Object.values(set), ...Object.values(where)];
  const row = rowOf(await runner.query(updateStatement(update), values)) as WrittenRow;
  const refused = row.found - row.written - (once ? row.own : 0);
  if (refused > 0) throw new LockLostError(messages.writtenByNewer(name, table, refused), 'taken');
  return row.written;
}

interface HeldRow {
  readonly is_transaction: boolean;
  readonly is_held: boolean;
  /** As text, since drivers make different things of a bigint. Null if there is no row. */
  readonly token: string | null;
  /** Whether it is held by anybody. */
  readonly has_owner: boolean | null;
}

/**
 * The row is locked before the clock is read. FOR KEY SHARE excludes what FOR UPDATE changes: the holder. It does not
 * exclude renewals.
 */
function heldStatement(table: string): string {
  return `
    WITH locked AS MATERIALIZED (
      SELECT expires_at FROM ${table}
      WHERE name = $1 AND fencing_token = $2::bigint AND owner IS NOT NULL FOR KEY SHARE
    ),
    held AS MATERIALIZED (
      SELECT expires_at - clock_timestamp() AS remaining FROM locked WHERE expires_at > clock_timestamp()
    ),
    limited AS MATERIALIZED (
      SELECT set_config('${IDLE}', ceil(extract(epoch FROM remaining) * 1000)::text, true) FROM held
      WHERE remaining < coalesce(nullif(current_setting('${IDLE}')::interval, interval '0'), interval '${LONGEST_IDLE}')
    )
    SELECT coalesce(current_setting('${MARK}', true) = $3::text, false) AS is_transaction,
      (SELECT count(*) FROM held) > 0 AND (SELECT count(*) FROM limited) IS NOT NULL AS is_held,
      (SELECT fencing_token::text FROM ${table} WHERE name = $1) AS token,
      (SELECT owner IS NOT NULL FROM ${table} WHERE name = $1) AS has_owner`;
}

function reasonOf({ token, has_owner }: HeldRow, fencingToken: number): LossReason {
  if (token === null) return 'vanished';
  if (token !== String(fencingToken)) return 'taken';
  return has_owner ? 'expired' : 'released';
}

interface WrittenRow {
  /** How many rows there were, how many of them this lease had written, and how many it has written now. */
  readonly found: number;
  readonly own: number;
  readonly written: number;
}

function updateStatement({ table, set, where, once, tokenColumn = 'fencing_token' }: FencedUpdate): string {
  const into = table.split('.').map(quoted).join('.');
  const token = quoted(tokenColumn);
  const columns = [...Object.keys(set), ...Object.keys(where)].map(
    (column, i) => `${quoted(column)} = $${i + 2}`,
  );
  const changes = [...columns.slice(0, Object.keys(set).length), `${token} = $1::bigint`];
  const condition = columns.slice(Object.keys(set).length).join(' AND ');
  // `found` and `written` see the rows as they were before. A row that another transaction has written since then is in
  // `found`, and its new token decides whether it is in `written`.
  return `
    WITH found AS (SELECT ${token} AS token FROM ${into} WHERE ${condition}),
    written AS (
      UPDATE ${into} SET ${changes.join(', ')}
      WHERE ${condition} AND (${token} IS NULL OR ${token} ${once ? '<' : '<='} $1::bigint) RETURNING 1
    )
    SELECT (SELECT count(*) FROM found)::int AS found,
      (SELECT count(*) FROM found WHERE token = $1::bigint)::int AS own,
      (SELECT count(*) FROM written)::int AS written`;
}

/** @throws LockConfigurationError */
function checkUpdate(update: FencedUpdate): void {
  checkOptions(update, UPDATE, 'updateFenced()');
  const { table, set, where } = update;
  if (typeof table !== 'string' || table === '') refuse('table', 'the name of a table', table);
  checkIsObject(set, 'set');
  checkIsObject(where, 'where');
  // A value that is missing would be NULL, which no row equals.
  if (
    Object.keys(where).length === 0 ||
    Object.values(where).some((value) => value === undefined || value === null)
  )
    refuse('where', 'an object with at least one column, and a value for each', where);
  if (Object.values(set).some((value) => value === undefined))
    refuse('set', 'an object with a value for each column; null for NULL', set);
}

/** The only row. Clients return an array of rows, or an object that has it. */
function rowOf(result: unknown): unknown {
  return (Array.isArray(result) ? (result as unknown[]) : (result as { rows: unknown[] }).rows)[0];
}

/**
 * When the server ends the connection of a transaction that is idle, pg emits an error. Without a listener it would end
 * the process. The next statement fails in any case.
 */
function keepAlive(client: StatementRunner): void {
  const { on, listenerCount } = client as Partial<NodeJS.EventEmitter>;
  if (typeof on !== 'function' || typeof listenerCount !== 'function') return;
  if (listenerCount.call(client, 'error') === 0) on.call(client, 'error', () => undefined);
}
