import { BadRequestException, HttpStatus, ServiceUnavailableException } from '@nestjs/common';
import {
  LockConfigurationError,
  LockError,
  LockShuttingDownError,
  LockStoreError,
} from '../common/errors.js';

/** The error as the client gets it; other errors stay as they are. */
export function asHttpError(error: unknown): unknown {
  if (error instanceof LockConfigurationError)
    return new BadRequestException(bodyOf(error, HttpStatus.BAD_REQUEST));
  if (error instanceof LockStoreError || error instanceof LockShuttingDownError)
    return new ServiceUnavailableException(bodyOf(error, HttpStatus.SERVICE_UNAVAILABLE));
  return error;
}

function bodyOf({ message, code }: LockError, statusCode: HttpStatus): object {
  const error = statusCode === HttpStatus.BAD_REQUEST ? 'Bad Request' : 'Service Unavailable';
  return { statusCode, error, message, code };
}
