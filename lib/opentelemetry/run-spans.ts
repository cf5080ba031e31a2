import { SpanKind, SpanStatusCode, trace, type Attributes, type Span } from '@opentelemetry/api';
import type { LockEvent } from '../core/lock-events.js';
import type { RunTrace } from '../core/runs.js';
import { ATTRIBUTE, SCOPE, leaseOf } from './attributes.js';

/** A span for each run, which is the current one within its work. */
export class RunSpans {
  /** By lease. */
  readonly #open = new Map<string, Span>();

  surround<T>(run: RunTrace, work: () => Promise<T>): Promise<T> {
    const options = {
      kind: SpanKind.INTERNAL,
      // A tick has no caller whose trace it would belong to.
      root: run.tick !== undefined,
      attributes: attributesOf(run),
    };
    return trace
      .getTracer(SCOPE)
      .startActiveSpan(`run ${run.job || 'under lock'}`, options, (span) => this.#within(span, run, work));
  }

  /** Adds what happened to the lease of a run to its span. */
  note(event: LockEvent): void {
    if (event.type === 'renewalFailed')
      this.#open.get(leaseOf(event))?.addEvent('exclusive_lock.renewal_failed', {
        'exclusive_lock.remaining': event.remaining,
      });
    else if (event.type === 'lost')
      this.#open.get(leaseOf(event))?.addEvent('exclusive_lock.lost', {
        [ATTRIBUTE.reason]: event.error.reason,
      });
  }

  async #within<T>(span: Span, run: RunTrace, work: () => Promise<T>): Promise<T> {
    const lease = leaseOf(run);
    this.#open.set(lease, span);
    try {
      return await work();
    } catch (error) {
      span.recordException(error instanceof Error ? error : String(error));
      throw error;
    } finally {
      this.#open.delete(lease);
      const { outcome = 'failed' } = run;
      span.setAttribute(ATTRIBUTE.outcome, outcome);
      if (outcome !== 'succeeded') span.setStatus({ code: SpanStatusCode.ERROR, message: outcome });
      span.end();
    }
  }
}

function attributesOf({ name, job, fencingToken, tick, missed, byHand }: RunTrace): Attributes {
  return {
    [ATTRIBUTE.name]: name,
    [ATTRIBUTE.fencingToken]: fencingToken,
    ...(job && { [ATTRIBUTE.job]: job }),
    ...(tick && { [ATTRIBUTE.tick]: tick.toISOString() }),
    ...(missed && { [ATTRIBUTE.missed]: true }),
    ...(byHand && { [ATTRIBUTE.byHand]: true }),
  };
}
