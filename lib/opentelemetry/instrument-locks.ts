import type { Locks } from '../locks/locks.js';
import { LockMetrics } from './lock-metrics.js';
import { RunSpans } from './run-spans.js';

/**
 * Reports the locks of this process to OpenTelemetry: metrics to the global meter provider, and a span for each run to the
 * global tracer provider. Providers that are registered later are used from then on. See docs/telemetry.md.
 *
 * @returns a function that ends it
 * @example
 * await using locks = await openLocks({ redis: 'redis://cache:6379' });
 * instrumentLocks(locks);
 */
export function instrumentLocks(locks: Locks): () => void {
  const metrics = new LockMetrics();
  const spans = new RunSpans();
  const ends = [
    locks.onEvent((event) => {
      metrics.record(event);
      spans.note(event);
    }),
    locks.aroundRuns((run, work) => spans.surround(run, work)),
  ];
  return () => {
    for (const end of ends) end();
    metrics.end();
  };
}
