// The entry point nestjs-exclusive-lock/opentelemetry. Needs @opentelemetry/api.
export { ExclusiveLockTelemetryModule } from './telemetry.module.js';
export { instrumentLocks } from './instrument-locks.js';
