import { isErrorLike } from '../../common/error-like.js';
import { LockStoreError } from '../../common/errors.js';

/** ioredis did not send the command, or the server refused it before doing anything. */
const NOT_RUN =
  /^(Stream isn't writeable|Cluster isn't ready|LOADING|READONLY|NOSCRIPT|OOM|MISCONF|NOAUTH|NOPERM|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|MOVED|ASK|CROSSSLOT)\b/;
/** ioredis puts this before the error of the last attempt, whatever that was, when a cluster has redirected it too often. */
const FOLLOWED = /^Too many Cluster redirections\. Last error: \w+: /;
/** Redis before version 7 and KeyDB put this before the refusal of a write in a script. */
const IN_SCRIPT = /^ERR Error running script .*?: -/;
/** Refusals that end by themselves, often within the time of one call. */
const PASSING = /^(LOADING|READONLY|NOSCRIPT|NOAUTH|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|MOVED|ASK)\b/;
/** Refusals of every write, whatever its keys. */
const OF_WHOLE_SERVER = /^(MISCONF|NOREPLICAS|OOM)\b/;
/** A primary became a replica, or a session is no longer logged in: a new connection may help. */
const CURED_BY_RECONNECT = /^(READONLY|NOAUTH)\b/;

export function surelyDidNothing({ message }: Error): boolean {
  return NOT_RUN.test(message.replace(FOLLOWED, '').replace(IN_SCRIPT, ''));
}

/** Whether ioredis did not send the command. This error does not say what is wrong. */
export function wasNotSent({ message }: Error): boolean {
  return message.startsWith("Stream isn't writeable");
}

/** Whether the same command may succeed a moment later: it was not refused, or the refusal will end soon. */
export function isWorthARetry({ name, message }: Error): boolean {
  return name !== 'ReplyError' || PASSING.test(message.replace(IN_SCRIPT, ''));
}

export function isCuredByReconnect({ message }: Error): boolean {
  return CURED_BY_RECONNECT.test(message.replace(IN_SCRIPT, ''));
}

/** Whether the refusal has nothing to do with the keys of the command. */
export function isOfWholeServer(error: unknown): boolean {
  return isErrorLike(error) && OF_WHOLE_SERVER.test(error.message.replace(IN_SCRIPT, ''));
}

/** Whether the server, or a proxy, refused a command because its keys are in different slots. */
export function isCrossSlot({ message }: Error): boolean {
  return message.startsWith('CROSSSLOT');
}

/**
 * Whether the server refused the command because of some of its locks: it may still accept commands with one lock each.
 */
export function isOfOneLock(error: unknown): error is LockStoreError {
  return error instanceof LockStoreError && error.refused && !isOfWholeServer(error.cause);
}

/** Whether the server refused SELECT, with which a new connection chooses its database. */
export function isOfDatabase(error: unknown): boolean {
  return isErrorLike(error) && (error as IoredisError).command?.name === 'select';
}

/** Whether the Redis user lacks a permission. */
export function isForbidden(error: unknown): error is Error {
  return isErrorLike(error) && error.message.startsWith('NOPERM');
}

/** Whether the server does not know the command. */
export function isUnknownCommand(error: unknown): boolean {
  return isErrorLike(error) && /^ERR unknown command/i.test(error.message);
}

/** Whether ioredis has tried all sentinels, and none named a server that is a primary. */
export function sentinelsAreUseless({ message }: Error): boolean {
  return message.startsWith('All sentinels are unreachable');
}

/** The same, but ioredis goes through the list once more, since it did not start at its beginning. */
export function isBegunAnew(error: unknown): boolean {
  return isErrorLike(error) && sentinelsAreUseless(error) && error.message.includes('Retrying from scratch');
}

/** Whether a sentinel replied that it does not watch the group. */
export function unknownToSentinels({ message }: Error): boolean {
  return /Last error: ERR No such master/i.test(message);
}

/**
 * Copies the name, message and code of an error, and nothing else. ioredis attaches the failed command to its errors,
 * and with AUTH the password. Servers repeat the arguments of a command that they do not know.
 */
export function withoutSecrets(thrown: unknown): Error {
  if (!isErrorLike(thrown)) return new Error(String(thrown));
  const { name, message, code, lastNodeError } = thrown as IoredisError;
  // The error itself only says "Failed to refresh slots cache."; the error of the last node says why.
  if (lastNodeError) return withoutSecrets(lastNodeError);
  const copy: NodeJS.ErrnoException = new Error(
    // The message of ioredis advises to change an option that users cannot set here.
    name === 'MaxRetriesPerRequestError'
      ? 'the connection broke before the reply came'
      : message.replace(/,? with args beginning with:.*/s, ''),
  );
  copy.name = name;
  if (code !== undefined) copy.code = code;
  return copy;
}

interface IoredisError extends NodeJS.ErrnoException {
  lastNodeError?: unknown;
  command?: { name: string };
}
