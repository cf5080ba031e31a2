import { Injectable } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { metrics, trace, context, SpanStatusCode, type Attributes } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider, MetricReader, type DataPoint, type Histogram } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { Exclusive } from 'nestjs-exclusive-lock';
import { ExclusiveLockTelemetryModule, instrumentLocks } from 'nestjs-exclusive-lock/opentelemetry';
import { openLocks } from 'nestjs-exclusive-lock/locks';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';
import { fire, jobOf } from './support/fired-jobs.js';
import { closeApps, startApp, type NestApp } from './support/nest-apps.js';

/** Reads when it is told to. */
class Reader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

const spans = new InMemorySpanExporter();
let reader: Reader;
let store: MemoryLockStore;
let work: () => Promise<void>;

beforeEach(() => {
  store = new MemoryLockStore();
  work = () => Promise.resolve();
  reader = new Reader();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
  );
});
afterEach(async () => {
  await closeApps();
  spans.reset();
  metrics.disable();
  trace.disable();
  context.disable();
});

@Injectable()
class Reports {
  @Cron('0 0 0 1 1 *')
  @Exclusive('nightly-report')
  nightly(): Promise<void> {
    return work();
  }
}

const start = (): Promise<NestApp> =>
  startApp({
    locks: { store, replica: 'web-1' },
    imports: [ScheduleModule.forRoot(), ExclusiveLockTelemetryModule],
    providers: [Reports],
  });

/** The points of a metric. */
async function pointsOf(name: string): Promise<readonly DataPoint<number | Histogram>[]> {
  const { resourceMetrics } = await reader.collect();
  const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  return all
    .filter(({ descriptor }) => descriptor.name === `exclusive_lock.${name}`)
    .flatMap(({ dataPoints }) => dataPoints as DataPoint<number | Histogram>[]);
}

/** Values and attributes of a counter or gauge. */
async function valuesOf(name: string): Promise<readonly { value: unknown; attributes: Attributes }[]> {
  return (await pointsOf(name)).map(({ value, attributes }) => ({ value, attributes }));
}

function spanOf(name: string): ReadableSpan {
  return spans.getFinishedSpans().find((span) => span.name === name)!;
}

const JOB = { 'exclusive_lock.job': 'nightly-report' };

describe('metrics', () => {
  it('tell how long the runs of a job take, how they end, and when the last one succeeded', async () => {
    const { locks } = await start();
    const before = Date.now() / 1000;
    await locks.jobs.run('nightly-report');
    work = () => Promise.reject(new Error('no paper'));
    await locks.jobs.run('nightly-report').catch(() => undefined);

    const runs = await pointsOf('run.duration');
    expect(runs.map(({ attributes }) => attributes)).toEqual([
      { ...JOB, 'exclusive_lock.outcome': 'succeeded' },
      { ...JOB, 'exclusive_lock.outcome': 'failed' },
    ]);
    expect(runs.map(({ value }) => (value as Histogram).count)).toEqual([1, 1]);
    const [success] = await valuesOf('last_success.time');
    expect(success.attributes).toEqual(JOB);
    expect(success.value).toBeGreaterThanOrEqual(before);
  });

  it('tell how late a tick starts', async () => {
    const { module } = await start();
    fire(jobOf(module));
    await eventually(async () => (await pointsOf('tick.delay')).length > 0);

    expect(await pointsOf('tick.delay')).toMatchObject([{ attributes: JOB, value: { count: 1 } }]);
  });

  it('count what is skipped, by reason', async () => {
    const { locks } = await start();
    await locks.jobs.pause('nightly-report', { reason: 'r', by: 'anna' });
    await using other = await openLocks({ store, logger: false });
    await using lease = await other.acquire('import');
    await locks.run('import', () => undefined);
    expect(lease?.held).toBe(true);

    expect(await valuesOf('skips')).toEqual([{ value: 1, attributes: { 'exclusive_lock.reason': 'busy' } }]);
  });

  it('count the leases that are held, and those that are lost', async () => {
    const { locks } = await start();
    const kept = await locks.acquire('a');
    const lost = await locks.acquire('b', { maxHold: 100 });
    await eventually(() => !lost?.held);
    await eventually(async () => (await valuesOf('leases.lost')).length > 0);

    expect(await valuesOf('leases.lost')).toEqual([
      { value: 1, attributes: { 'exclusive_lock.reason': 'max-hold' } },
    ]);
    expect(await valuesOf('leases.active')).toEqual([{ value: 1, attributes: {} }]);
    await kept?.release();
    expect(await valuesOf('leases.active')).toEqual([{ value: 0, attributes: {} }]);
  });

  it('tell how long a wait took, and who leads', async () => {
    const { locks } = await start();
    const lease = await locks.acquire('a');
    const waiting = locks.acquire('a', { wait: true });
    await eventually(async () => (await locks.inspect('a'))?.waiters === 1);
    await lease?.release();
    await (await waiting).release();
    const end = new AbortController();
    const leading = locks.elect('feed').whileLeader(
      async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
      { signal: end.signal },
    );
    await eventually(async () => (await valuesOf('leader')).some(({ value }) => value === 1));
    end.abort();
    await leading.catch(() => undefined);

    expect(await pointsOf('wait.duration')).toMatchObject([
      { attributes: { 'exclusive_lock.granted': true }, value: { count: 1 } },
    ]);
    expect(await valuesOf('leader')).toEqual([{ value: 0, attributes: { 'exclusive_lock.name': 'feed' } }]);
  });

  it('go to a meter provider that is registered after the application has begun', async () => {
    metrics.disable();
    const { locks } = await start();
    await locks.jobs.run('nightly-report');
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [(reader = new Reader())] }));
    await locks.jobs.run('nightly-report');

    expect(await pointsOf('run.duration')).toMatchObject([{ value: { count: 1 } }]);
    expect(await valuesOf('last_success.time')).toHaveLength(1);
  });

  it('are what Prometheus scrapes', async () => {
    const port = await freePort();
    const exporter = new PrometheusExporter({ port, host: '127.0.0.1' });
    metrics.disable();
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }));
    try {
      const { locks } = await start();
      await locks.jobs.run('nightly-report');

      const response = await fetch(`http://127.0.0.1:${port}/metrics`);
      const text = await response.text();
      expect(text).toMatch(
        /^exclusive_lock_run_duration_count\{.*exclusive_lock_job="nightly-report".*\} 1/m,
      );
      expect(text).toMatch(/^exclusive_lock_run_duration_bucket\{.*le="3600".*\} 1/m);
      expect(text).toMatch(
        /^exclusive_lock_last_success_time\{.*exclusive_lock_job="nightly-report".*\} \d/m,
      );
    } finally {
      await exporter.shutdown();
    }
  });
});

describe('traces', () => {
  it('have a span for each run, which is the parent of spans within the work', async () => {
    work = async () => trace.getTracer('test').startSpan('query').end();
    const { locks } = await start();
    await locks.jobs.run('nightly-report');

    const run = spanOf('run nightly-report');
    expect(run.attributes).toMatchObject({
      ...JOB,
      'exclusive_lock.name': 'nightly-report',
      'exclusive_lock.by_hand': true,
      'exclusive_lock.outcome': 'succeeded',
    });
    expect(spanOf('query').parentSpanContext?.spanId).toBe(run.spanContext().spanId);
  });

  it('begin anew with a tick, and tell which it was', async () => {
    const { module } = await start();
    await trace.getTracer('test').startActiveSpan('around', async (span) => {
      fire(jobOf(module));
      await eventually(() => spanOf('run nightly-report') !== undefined);
      span.end();
    });

    const run = spanOf('run nightly-report');
    expect(run.parentSpanContext).toBeUndefined();
    expect(run.attributes['exclusive_lock.tick']).toMatch(/-01-01T/);
  });

  it('tell of work that failed', async () => {
    work = () => Promise.reject(new Error('no paper'));
    const { locks } = await start();
    await locks.jobs.run('nightly-report').catch(() => undefined);

    const run = spanOf('run nightly-report');
    expect(run.status).toEqual({ code: SpanStatusCode.ERROR, message: 'failed' });
    expect(run.events).toMatchObject([{ name: 'exception' }]);
  });

  it('tell when the lease was lost', async () => {
    const { locks } = await start();
    await locks.run(
      'a',
      ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
      { maxHold: 100 },
    );

    const run = spanOf('run under lock');
    expect(run.events).toMatchObject([
      { name: 'exclusive_lock.lost', attributes: { 'exclusive_lock.reason': 'max-hold' } },
    ]);
    expect(run.status).toEqual({ code: SpanStatusCode.ERROR, message: 'lost' });
  });

  it('have no span for what is skipped', async () => {
    const { locks } = await start();
    await using other = await openLocks({ store, logger: false });
    await using lease = await other.acquire('import');
    await locks.run('import', () => undefined);

    expect(lease?.held).toBe(true);
    expect(spans.getFinishedSpans()).toEqual([]);
  });
});

it('reports the locks of a script, until it is told to stop', async () => {
  await using locks = await openLocks({ store, logger: false });
  const stop = instrumentLocks(locks);
  await locks.run('a', () => undefined);
  stop();
  await locks.run('a', () => undefined);

  expect(await pointsOf('run.duration')).toMatchObject([{ value: { count: 1 } }]);
  expect(spans.getFinishedSpans()).toHaveLength(1);
});
