import { isErrorLike } from '../../common/error-like.js';
import { LockStoreError } from '../../common/errors.js';

/** ioredis did not send the command, or the server refused it before doing anything. */
const NOT_RUN =
  /^(Stream isn't writeable|Cluster isn't ready|Too many Cluster redirections|LOADING|READONLY|NOSCRIPT|OOM|MISCONF|NOAUTH|NOPERM|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|MOVED|ASK|CROSSSLOT)\b/;
/** Redis before version 7 and KeyDB say it in the middle when it was a script that they refused to let write. */
const IN_SCRIPT = /^ERR Error running script .*: -/;
/** Refusals that pass by themselves, often within the time of one call. */
const PASSING = /^(LOADING|READONLY|NOSCRIPT|NOAUTH|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|MOVED|ASK)\b/;
/** Refusals of any write. */
const OF_WHOLE_SERVER = /^(MISCONF|NOREPLICAS|OOM)\b/;
/** A master that became a replica, or a session that is not logged in any more: a new connection may cure that. */
const CURED_BY_RECONNECT = /^(READONLY|NOAUTH)\b/;

export function surelyDidNothing({ message }: Error): boolean {
  return NOT_RUN.test(message);
}

/** Whether ioredis did not send it, which tells nothing of what is wrong. */
export function wasNotSent({ message }: Error): boolean {
  return message.startsWith("Stream isn't writeable");
}

/** Whether the same command may be answered otherwise a moment later: it was not refused, or not for long. */
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

/** Whether the server refused a command that is about several locks, and may still accept one that is about one of them. */
export function isOfOneLock(error: unknown): error is LockStoreError {
  return error instanceof LockStoreError && error.refused && !isOfWholeServer(error.cause);
}

/** Whether the server refused the database that a new connection was to use. */
export function isOfDatabase(error: unknown): boolean {
  return isErrorLike(error) && (error as IoredisError).command?.name === 'select';
}

/** Whether the user may not do that. */
export function isForbidden(error: unknown): error is Error {
  return isErrorLike(error) && error.message.startsWith('NOPERM');
}

/** ioredis has tried all sentinels, and none has named a server that is a primary. */
export function sentinelsAreUseless({ message }: Error): boolean {
  return message.startsWith('All sentinels are unreachable');
}

/** The same, but it tries them again: the list was not begun at its beginning. */
export function isBegunAnew(error: unknown): boolean {
  return isErrorLike(error) && sentinelsAreUseless(error) && error.message.includes('Retrying from scratch');
}

/** Whether a sentinel has said that it does not watch the group. */
export function unknownToSentinels({ message }: Error): boolean {
  return /Last error: ERR No such master/i.test(message);
}

/**
 * A copy with name, message and code only. ioredis hangs the failed command on its errors, and with AUTH the
 * password; servers repeat the arguments of a command that they do not know.
 */
export function withoutSecrets(thrown: unknown): Error {
  if (!isErrorLike(thrown)) return new Error(String(thrown));
  const { name, message, code, lastNodeError } = thrown as IoredisError;
  // "Failed to refresh slots cache.": what the last node said tells more.
  if (lastNodeError) return withoutSecrets(lastNodeError);
  const copy: NodeJS.ErrnoException = new Error(
    // Would advise to change an option that is ours.
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
