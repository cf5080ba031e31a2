import {
  metrics,
  type Attributes,
  type Counter,
  type Histogram,
  type Meter,
  type MeterProvider,
  type Observable,
  type ObservableCallback,
  type UpDownCounter,
} from '@opentelemetry/api';
import type { FinishedEvent, LockEvent } from '../core/lock-events.js';
import { ATTRIBUTE, SCOPE, leaseOf } from './attributes.js';

interface Instruments {
  readonly runDuration: Histogram;
  readonly waitDuration: Histogram;
  readonly tickDelay: Histogram;
  readonly skips: Counter;
  readonly leasesLost: Counter;
  readonly leasesActive: UpDownCounter;
  readonly ticksMissed: Counter;
}

/** Bounds of buckets, in seconds. */
const RUN = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600];
const WAIT = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300];
const DELAY = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3600];

/** Counts and measures what events tell. */
export class LockMetrics {
  #provider: MeterProvider | undefined;
  #instruments!: Instruments;
  #stopObserving: (() => void) | undefined;
  /** The leases that were seen to begin: others are not counted when they end. */
  readonly #active = new Set<string>();
  /** By election, whether this process leads. */
  readonly #leads = new Map<string, boolean>();
  /** By job, when it last succeeded here, in seconds since the epoch. */
  readonly #succeeded = new Map<string, number>();

  record(event: LockEvent): void {
    const instruments = this.#current();
    const of = jobIn(event);
    switch (event.type) {
      case 'waited':
        return instruments.waitDuration.record(seconds(event.waited), {
          ...of,
          [ATTRIBUTE.granted]: event.granted,
        });
      case 'acquired':
        this.#active.add(leaseOf(event));
        return instruments.leasesActive.add(1, of);
      case 'lost':
        instruments.leasesLost.add(1, { ...of, [ATTRIBUTE.reason]: event.error.reason });
        return this.#ended(leaseOf(event), of);
      case 'released':
        return this.#ended(leaseOf(event), of);
      case 'skipped':
        return instruments.skips.add(1, { ...of, [ATTRIBUTE.reason]: event.reason });
      case 'started':
        if (event.late !== undefined) instruments.tickDelay.record(seconds(event.late), of);
        return;
      case 'finished':
        return this.#finished(event, of);
      case 'missed':
        return instruments.ticksMissed.add(event.count, of);
      case 'termBegan':
        return void this.#leads.set(event.name, true);
      case 'termEnded':
        return void this.#leads.set(event.name, false);
      case 'renewed':
      case 'renewalFailed':
      case 'releaseRefused':
      case 'forced':
        return;
    }
  }

  /** Observes nothing any more. */
  end(): void {
    this.#stopObserving?.();
  }

  #ended(lease: string, of: Attributes): void {
    if (this.#active.delete(lease)) this.#instruments.leasesActive.add(-1, of);
  }

  #finished({ job, duration, outcome }: FinishedEvent, of: Attributes): void {
    this.#instruments.runDuration.record(seconds(duration), { ...of, [ATTRIBUTE.outcome]: outcome });
    if (job && outcome === 'succeeded') this.#succeeded.set(job, Date.now() / 1000);
  }

  /**
   * Those of the provider that is registered now. Instruments that were made before it was registered would never report
   * anything.
   */
  #current(): Instruments {
    const provider = metrics.getMeterProvider();
    if (provider !== this.#provider) {
      this.#provider = provider;
      this.#stopObserving?.();
      const meter = provider.getMeter(SCOPE);
      this.#instruments = instrumentsOf(meter);
      this.#stopObserving = this.#observe(meter);
    }
    return this.#instruments;
  }

  #observe(meter: Meter): () => void {
    const leader = meter.createObservableGauge('exclusive_lock.leader', {
      description: 'Whether this process leads the election: 1 or 0.',
    });
    const lastSuccess = meter.createObservableGauge('exclusive_lock.last_success.time', {
      unit: 's',
      description: 'When the last run of the job in this process succeeded, since the epoch.',
    });
    const observed: readonly (readonly [Observable, ObservableCallback])[] = [
      [
        leader,
        (result) =>
          this.#leads.forEach((leads, name) => result.observe(Number(leads), { [ATTRIBUTE.name]: name })),
      ],
      [
        lastSuccess,
        (result) => this.#succeeded.forEach((time, job) => result.observe(time, { [ATTRIBUTE.job]: job })),
      ],
    ];
    for (const [gauge, callback] of observed) gauge.addCallback(callback);
    return () => observed.forEach(([gauge, callback]) => gauge.removeCallback(callback));
  }
}

function instrumentsOf(meter: Meter): Instruments {
  const histogram = (name: string, description: string, explicitBucketBoundaries: number[]): Histogram =>
    meter.createHistogram(`exclusive_lock.${name}`, {
      unit: 's',
      description,
      advice: { explicitBucketBoundaries },
    });
  const counter = (name: string, unit: string, description: string): Counter =>
    meter.createCounter(`exclusive_lock.${name}`, { unit, description });
  return {
    runDuration: histogram('run.duration', 'From the start of the work under a lock to its end.', RUN),
    waitDuration: histogram('wait.duration', 'From a call to the end of its wait for a lock.', WAIT),
    tickDelay: histogram('tick.delay', "By how much a tick starts late, by the store's clock.", DELAY),
    skips: counter('skips', '{run}', 'Runs that did not take place here, by reason.'),
    leasesLost: counter('leases.lost', '{lease}', 'Leases that ended before they were released, by reason.'),
    leasesActive: meter.createUpDownCounter('exclusive_lock.leases.active', {
      unit: '{lease}',
      description: 'Leases that this process has.',
    }),
    ticksMissed: counter('ticks.missed', '{tick}', 'Ticks that no replica ran. One replica counts them.'),
  };
}

function jobIn({ job }: LockEvent): Attributes {
  return job ? { [ATTRIBUTE.job]: job } : {};
}

const seconds = (ms: number): number => ms / 1000;
