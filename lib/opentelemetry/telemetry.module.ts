import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { ExclusiveLockService } from '../exclusive-lock.service.js';
import { instrumentLocks } from './instrument-locks.js';

/**
 * Metrics and traces of the locks of this application; see docs/telemetry.md. Import it beside `ExclusiveLockModule`.
 *
 * @example
 * imports: [ExclusiveLockModule.forRoot({ redis }), ExclusiveLockTelemetryModule]
 */
@Module({})
export class ExclusiveLockTelemetryModule implements OnApplicationShutdown {
  readonly #stop: () => void;

  // Before any start hook runs.
  constructor(@Inject(ExclusiveLockService) locks: ExclusiveLockService) {
    this.#stop = instrumentLocks(locks);
  }

  onApplicationShutdown(): void {
    this.#stop();
  }
}
