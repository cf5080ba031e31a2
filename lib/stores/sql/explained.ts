import { LockStoreError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { NotConnectedError } from './connection-pool.js';

/** What is known of the errors of a driver. */
export interface ErrorKinds {
  /** Whether an operator must do something. */
  isPermanent(error: unknown): boolean;
  /** Whether the server has answered that it did not carry out the statement. */
  surelyDidNothing(error: unknown): boolean;
  /** The error, with what there is to do about it. */
  withRemedy(error: unknown): Error;
}

/** What a table throws for an error of the driver: anything but a `LockStoreError` leaves open what was written. */
export function explained(error: unknown, description: string, kinds: ErrorKinds): unknown {
  const thrown = error instanceof NotConnectedError ? (error.cause ?? error) : error;
  const cause = kinds.withRemedy(thrown);
  if (kinds.isPermanent(thrown)) return refusedForGood(cause, description);
  if (!(error instanceof NotConnectedError) && !kinds.surelyDidNothing(error)) return cause;
  return new LockStoreError(messages.storeThrew(description, cause), { cause, mayHaveRun: false });
}

export function refusedForGood(cause: Error, description: string): LockStoreError {
  const message = messages.storeThrew(description, cause);
  return new LockStoreError(message, { cause, mayHaveRun: false, refused: true, permanent: true });
}
