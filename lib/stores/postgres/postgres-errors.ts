import { messages } from '../../common/messages.js';

/** An error of pg. The server's own have a code of five characters, the SQLSTATE, and a severity. */
export interface PostgresError extends Error {
  readonly code?: string;
  readonly severity?: string;
}

const NO_TABLE = '42P01';
const NO_SCHEMA = '3F000';
const FORBIDDEN = '42501';
const READ_ONLY = '25006';
const NO_SLOT = '53300';
/**
 * An operator must do something: the role may not do this, or not log in (class 28), there is no such database, or the
 * table has other columns.
 */
const PERMANENT = [FORBIDDEN, '3D000', NO_SCHEMA, NO_TABLE, '42703', '42804', '42883'];
/** Others have made the same table at the same moment. */
const MADE_MEANWHILE = ['23505', '42P07', '42P06', '42710'];
/**
 * The session, or the server, ends: an operator ends it, it crashes, it starts, it is idle, or its database is dropped.
 * A statement may have been committed before.
 */
const ENDS = /^(57P0\d|08...|40003|XX...)$/;
/** Another server may be the primary by now; or the session has lost its prepared statements, or their table. */
const STALE_SESSION = [READ_ONLY, '26000', '42P05', '0A000'];

export function isMissingTable(error: unknown): boolean {
  return codeOf(error) === NO_TABLE;
}

export function isMissingSchema(error: unknown): boolean {
  return codeOf(error) === NO_SCHEMA;
}

export function isMadeMeanwhile(error: unknown): boolean {
  return MADE_MEANWHILE.includes(codeOf(error) ?? '');
}

export function isPermanent(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return PERMANENT.includes(code) || code.startsWith('28');
}

/** Whether a new connection may help. */
export function isCuredByReconnect(error: unknown): boolean {
  const code = codeOf(error);
  return code === undefined || ENDS.test(code) || STALE_SESSION.includes(code);
}

/** Whether the server has answered that it did not carry out the statement. */
export function surelyDidNothing(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && !ENDS.test(code);
}

/** The error, with what there is to do about it. */
export function withRemedy(error: unknown, table: string): Error {
  const { message, code } = error as PostgresError;
  if (codeOf(error) === undefined) return error as Error;
  const remedies: Readonly<Record<string, string>> = {
    [FORBIDDEN]: messages.postgresForbidden(table),
    [READ_ONLY]: messages.postgresReadOnly(),
    [NO_SLOT]: messages.postgresFull(),
    '42703': messages.postgresOtherTable(table),
  };
  const remedy = remedies[code!];
  return new Error(`${message} (${code})${remedy ? `. ${remedy}` : ''}`, { cause: error });
}

/** Undefined if it is not an error of the server. */
function codeOf(error: unknown): string | undefined {
  const { code, severity } = error as PostgresError;
  return severity === undefined ? undefined : code;
}
