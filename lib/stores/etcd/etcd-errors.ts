import { LockStoreError } from '../../common/errors.js';

/** What etcd replied instead of carrying out a call. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError';

  constructor(
    message: string,
    /** A status code of gRPC. */
    readonly code: number,
  ) {
    super(message);
  }

  /** etcd has looked at the call and will not carry it out. Otherwise it may have, and may carry it out later. */
  get didNothing(): boolean {
    return DID_NOTHING.has(this.code);
  }

  /** It is of no use to make the same call again at once. */
  get isRefusal(): boolean {
    return this.didNothing && this.code !== Code.notFound;
  }

  /** An operator must do something about it. */
  get isPermanent(): boolean {
    return this.isRefusal && this.code !== Code.resourceExhausted;
  }
}

/** https://grpc.io/docs/guides/status-codes */
const Code = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  unauthenticated: 16,
} as const;

const DID_NOTHING = new Set<number>(Object.values(Code));

/** Logging in again helps: the token of our user has expired, or the users were changed since. */
export function isLoggedOut(error: unknown): boolean {
  if (!(error instanceof EtcdError)) return false;
  return error.code === Code.unauthenticated || error.message.includes('revision of auth store is old');
}

/** A lease has expired or was revoked, so that no key could be attached to it. */
export function isUnknownLease(error: unknown): boolean {
  const cause = error instanceof LockStoreError ? error.cause : error;
  return cause instanceof EtcdError && cause.code === Code.notFound;
}

/** The error in a reply of the gateway, whose form depends on the version and on whether the reply goes on. */
export function errorIn(reply: unknown): EtcdError | undefined {
  const { error, ...outer } = (reply ?? {}) as ErrorReply;
  const { message, code, grpc_code } = typeof error === 'object' ? error : { message: error, ...outer };
  const status = code ?? grpc_code;
  return status === undefined ? undefined : new EtcdError(message ?? '', status);
}

interface ErrorReply extends ErrorStatus {
  readonly error?: string | ErrorStatus;
}

interface ErrorStatus {
  readonly message?: string;
  readonly code?: number;
  readonly grpc_code?: number;
}
