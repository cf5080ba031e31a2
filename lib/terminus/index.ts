// The entry point nestjs-exclusive-lock/terminus. Needs @nestjs/terminus.
export { ExclusiveLockHealthIndicator } from './exclusive-lock.health.js';
export type { ExclusiveLockHealthOptions, WhenUnhealthy } from './health-options.js';
