import { messages } from '../../common/messages.js';

/** An error of mysql2. The server's own have a number and a message of the server. */
export interface MysqlError extends Error {
  readonly errno?: number;
  readonly code?: string;
  readonly sqlMessage?: string;
}

/** Another transaction has locked the row, or has changed it meanwhile: 1205, 1213, 1020. The statement did nothing. */
const BLOCKED = [1205, 1213, 1020];
/** There is no such table. */
const NO_TABLE = 1146;
/**
 * An operator must do something: the user may not do this (1142, 1143, 1227), or not use the database (1044), or not log
 * in at all (1045, 1698, 1129, 1130, 3118, 1820, 1862), there is no such database (1049, 1046), or no such column (1054).
 */
const PERMANENT = [1142, 1143, 1227, 1044, 1045, 1698, 1129, 1130, 3118, 1820, 1862, 1049, 1046, 1054];
/** The server takes no writes: 1290, 1792, 1836. After a failover the address may lead to another server. */
const READ_ONLY = [1290, 1792, 1836];
/** No connection is free: 1040, 1203, 1226. */
const FULL = [1040, 1203, 1226];
const FORBIDDEN = [1142, 1143, 1044];
const OTHER_TABLE = 1054;
/**
 * The statement was interrupted, or the connection ended, when the server may have been about to commit: 1317, 1053, 1180,
 * 1927, 4031, 1969.
 */
const INTERRUPTED = [1317, 1053, 1180, 1927, 4031, 1969];

export function isBlocked(error: unknown): boolean {
  return isOneOf(BLOCKED, error);
}

export function isMissingTable(error: unknown): boolean {
  return isOneOf([NO_TABLE], error);
}

export function isPermanent(error: unknown): boolean {
  return isOneOf(PERMANENT, error);
}

/** Whether a new connection may help. */
export function isCuredByReconnect(error: unknown): boolean {
  return !isOfServer(error) || isOneOf([...READ_ONLY, ...INTERRUPTED], error);
}

/** Whether the server has answered that it did not carry out the statement. */
export function surelyDidNothing(error: unknown): boolean {
  return isOfServer(error) && !isOneOf(INTERRUPTED, error);
}

/** The error with its number, and with what there is to do about it. */
export function withRemedy(error: unknown, table: string): Error {
  if (!isOfServer(error)) return error as Error;
  const { message, errno } = error as MysqlError;
  const remedies: readonly [readonly number[], string][] = [
    [FORBIDDEN, messages.mysqlForbidden(table)],
    [READ_ONLY, messages.mysqlReadOnly()],
    [FULL, messages.mysqlFull()],
    [[OTHER_TABLE], messages.mysqlOtherTable(table)],
  ];
  const remedy = remedies.find(([numbers]) => numbers.includes(errno!));
  return new Error(`${message} (${errno})${remedy ? `. ${remedy[1]}` : ''}`, { cause: error });
}

/** What the error says, without the statement, which mysql2 attaches with all that it writes. */
export function withoutStatement(thrown: unknown): Error {
  const { name, message, code, errno, sqlMessage } = thrown as MysqlError;
  // An error of a socket may say nothing but its code.
  return Object.assign(new Error(message || code), { name, code, errno, sqlMessage });
}

function isOneOf(numbers: readonly number[], error: unknown): boolean {
  return isOfServer(error) && numbers.includes((error as MysqlError).errno!);
}

/** Errors of sockets have numbers, too. */
function isOfServer(error: unknown): boolean {
  const { errno, sqlMessage } = error as MysqlError;
  return errno !== undefined && sqlMessage !== undefined;
}

/** The row has been written again before it was known whether the first write had come about. */
export class UnknownWriteError extends Error {
  constructor() {
    super(messages.writtenAgain());
  }
}
