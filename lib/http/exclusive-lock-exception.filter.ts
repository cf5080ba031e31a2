import { Catch, HttpStatus, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { throwError } from 'rxjs';
import {
  LockBusyError,
  LockShuttingDownError,
  LockStoreError,
  LockTimeoutError,
  type LockError,
} from '../common/errors.js';

/** The answer to an HTTP client. It tells nothing about the store or the holder. */
interface HttpAnswer {
  readonly status: HttpStatus;
  readonly error: string;
  readonly message: string;
  /** Seconds after which the client may try again. */
  readonly retryAfter: number;
}

const BUSY: HttpAnswer = {
  status: HttpStatus.CONFLICT,
  error: 'Conflict',
  message: 'This is being done already. Try again later.',
  retryAfter: 1,
};

const UNAVAILABLE: HttpAnswer = {
  status: HttpStatus.SERVICE_UNAVAILABLE,
  error: 'Service Unavailable',
  message: 'This cannot be done at the moment. Try again later.',
  retryAfter: 5,
};

/**
 * Answers HTTP requests that could not acquire their lock, on Express and on Fastify, with a `Retry-After` header:
 * - 409 Conflict if another holder has the lock: a `LockBusyError`, or a `LockTimeoutError` after a wait for a holder;
 * - 503 Service Unavailable if the store cannot be reached or the application shuts down: a `LockStoreError`, a
 *   `LockTimeoutError` after a wait for the store, or a `LockShuttingDownError`.
 *
 * The body has the form of Nest's own errors, and the `code` of the error. In microservices and GraphQL, the filter
 * passes the error on unchanged.
 *
 * @example
 * @Module({ providers: [{ provide: APP_FILTER, useClass: ExclusiveLockExceptionFilter }] })
 * export class AppModule {}
 * @example
 * app.useGlobalFilters(new ExclusiveLockExceptionFilter(app.get(HttpAdapterHost)));
 */
@Catch(LockBusyError, LockTimeoutError, LockStoreError, LockShuttingDownError)
export class ExclusiveLockExceptionFilter implements ExceptionFilter<LockError> {
  readonly #adapterHost: HttpAdapterHost;

  constructor(@Inject(HttpAdapterHost) adapterHost: HttpAdapterHost) {
    this.#adapterHost = adapterHost;
  }

  catch(error: LockError, host: ArgumentsHost): unknown {
    // Nest awaits an Observable of a filter in a microservice; GraphQL reports what a filter throws.
    if (host.getType() === 'rpc') return throwError(() => error);
    if (host.getType() !== 'http') throw error;
    const { status, retryAfter, ...answer } = answerTo(error);
    const response: unknown = host.switchToHttp().getResponse();
    const { httpAdapter } = this.#adapterHost;
    // An error thrown by a filter may end the process.
    if (httpAdapter.isHeadersSent(response)) return httpAdapter.end(response);
    httpAdapter.setHeader(response, 'Retry-After', String(retryAfter));
    httpAdapter.reply(response, { statusCode: status, ...answer, code: error.code }, status);
    return undefined;
  }
}

function answerTo(error: LockError): HttpAnswer {
  if (error instanceof LockBusyError) return BUSY;
  if (error instanceof LockTimeoutError && error.cause === undefined) return BUSY;
  return UNAVAILABLE;
}
