import { setTimeout as sleep } from 'node:timers/promises';
import { OutageLog } from '../../lib/common/outage-log.js';
import type { LockManager } from '../../lib/core/lock-manager.js';
import { resolveSettings, type ExclusiveLockModuleOptions } from '../../lib/exclusive-lock.options.js';
import { openLockManager } from '../../lib/locks/open-lock-manager.js';
import type { RunRecord } from '../../lib/stores/lock-store.js';
import { contradictionsOf, fatesOf, type Fate, type Ledger, type Told } from '../support/accounts.js';
import { startApp } from '../support/apps.js';
import { eventually } from '../support/eventually.js';
import { event } from '../support/history.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';
import { RedisServer } from '../support/redis/redis-server.js';
import type { ReplicaProcess } from '../support/replica-process.js';
import { Seeded } from '../support/seeded.js';

/** `ACCOUNTED_TICKS=200 ACCOUNTED_PERIOD=50` for a trial by hand, which prints what became of them; `ACCOUNTED_SEED` repeats one's choices. */
const BY_HAND = process.env['ACCOUNTED_TICKS'];
const TICKS = Number(BY_HAND ?? 40);
const SEED = process.env['ACCOUNTED_SEED'];
const REPLICAS = 5;
const PERIOD = Number(process.env['ACCOUNTED_PERIOD'] ?? 250);
const JOB = { name: 'accounted', kind: 'tick', job: 'count' } as const;

/** Replicas of one job, the faults they suffer, and what is seen of it. */
class Trial {
  readonly random = new Seeded(SEED === undefined ? undefined : Number(SEED));
  readonly replicas: ReplicaProcess[] = [];
  readonly killed = new Set<string>();
  readonly from = (Math.ceil(Date.now() / PERIOD) + 20) * PERIOD;
  readonly to = this.from + (TICKS - 1) * PERIOD;
  readonly #options: ExclusiveLockModuleOptions;
  readonly #locks: LockManager;
  readonly #server: RedisServer | undefined;
  readonly #alive = new Map<string, ReplicaProcess>();
  #records: RunRecord[] = [];
  readonly #told: Told[] = [];

  constructor(options: ExclusiveLockModuleOptions, locks: LockManager, server: RedisServer | undefined) {
    this.#options = options;
    this.#locks = locks;
    this.#server = server;
    locks.events.listen((missed) => {
      if (missed.type === 'missed') this.#told.push({ tick: missed.tick.getTime(), count: missed.count });
    });
  }

  /** Starts as many replicas as are missing. */
  async fill(): Promise<void> {
    const missing = Array.from({ length: REPLICAS - this.#alive.size }, () => this.#start());
    await Promise.all(missing.map((replica) => replica.waitFor(event('ready'))));
  }

  #start(): ReplicaProcess {
    const name = `replica ${this.replicas.length + 1}`;
    const options = { ...this.#options, replica: name, catalogue: false };
    const env = { FROM: String(this.from), TO: String(this.to), PERIOD: String(PERIOD), JOB_MS: '0-60' };
    const replica = startApp('hand-made-ticks', options, env);
    this.#alive.set(name, replica);
    this.replicas.push(replica);
    return replica;
  }

  readonly #faults = {
    one: () => this.#kill([this.random.pick([...this.#alive.keys()])]),
    runner: async () => this.#kill([await this.#runner()]),
    all: () => this.#kill([...this.#alive.keys()]),
    store: () => this.#killStore(),
    pause: () => this.#pause(),
  };

  async #killStore(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    await server.kill();
    await sleep(this.random.next() * 2 * PERIOD);
    await server.restart();
  }

  async #pause(): Promise<void> {
    const { seed } = this.random;
    await this.#locks.records.pause(JOB, { reason: 'trial', by: 'the test', since: Date.now() });
    const paused = Date.now();
    await sleep((1 + this.random.next() * 3) * PERIOD);
    const resumed = Date.now();
    await this.#locks.records.pause(JOB, null);
    await this.collect();
    const begun = this.#records.filter(({ started }) => started > paused && started < resumed);
    expect({ seed, begun }).toEqual({ seed, begun: [] });
  }

  async #kill(names: readonly string[]): Promise<void> {
    for (const name of names) {
      this.killed.add(name);
      await this.#alive.get(name)!.signal('SIGKILL');
      this.#alive.delete(name);
    }
    await this.fill();
  }

  /** The name of the replica that begins the next run. */
  async #runner(): Promise<string> {
    const runs = () => this.replicas.flatMap(({ events }) => events.filter(event('started'))).length;
    const before = runs();
    await eventually(() => runs() > before || Date.now() > this.to, { every: 1 });
    return [...this.#alive].toSorted(([, a], [, b]) => lastStart(b) - lastStart(a))[0][0];
  }

  /** Faults in random order, until the last ticks come. */
  async suffer(): Promise<void> {
    const isOver = () => Date.now() > this.to - 4 * PERIOD;
    while (!isOver())
      for (const fault of this.random.shuffled(Object.values(this.#faults))) {
        if (isOver()) break;
        await fault();
        await this.collect();
        await sleep((1 + this.random.next() * 2) * PERIOD);
      }
  }

  /** Only the last 100 runs are kept. A run that is taken back leaves no record. */
  async collect(): Promise<void> {
    const [{ runs }] = await this.#locks.records.read([JOB]);
    const oldest = runs.at(-1)?.tick ?? Infinity;
    this.#records = [...this.#records.filter(({ tick = 0 }) => tick < oldest), ...runs];
  }

  /** When all replicas have asked for the last tick, and every lease has ended. */
  async end(): Promise<Ledger> {
    await Promise.all([...this.#alive.values()].map((replica) => replica.waitFor(event('over'))));
    await eventually(async () => {
      await this.collect();
      return this.#records.every(({ outcome }) => outcome !== 'running');
    });
    await this.runTick(this.to + PERIOD);
    const { replicas, killed } = this;
    const told = replicas.flatMap(({ events }) => events.filter(event('missed'))) as unknown as Told[];
    const byTick = this.#records.toSorted((a, b) => (a.tick ?? 0) - (b.tick ?? 0));
    const records = byTick.filter(({ tick = 0 }) => tick >= this.from);
    const ticks = Array.from({ length: TICKS }, (_, i) => this.from + i * PERIOD);
    return { ticks, period: PERIOD, replicas, killed, records, told: [...this.#told, ...told] };
  }

  /** Runs a tick itself: the first, without which no other is missed, or one after the last, which tells of those before it. */
  async runTick(time: number): Promise<void> {
    const occurrence = { tick: new Date(time), job: JOB.job, following };
    const outcome = await this.#locks.run(JOB.name, () => undefined, { occurrence });
    expect(outcome).toEqual({ status: 'ran', value: undefined });
  }
}

describeOnSharedStores('each tick of a job, on %s, while its replicas and its store are killed', (store) => {
  let locks: LockManager | undefined;

  afterEach(async () => {
    await locks?.close();
    locks = undefined;
    await RedisServer.closeAll();
  });

  it(
    'is accounted for: it was run once, came due during the run before or a pause, or is told as missed, once',
    async () => {
      const trial = await begin();
      await trial.runTick(Math.floor(Date.now() / PERIOD) * PERIOD);
      await trial.fill();
      await eventually(() => Date.now() > trial.from + 2 * PERIOD);
      await trial.suffer();
      const ledger = await trial.end();
      const fates = fatesOf(ledger);
      if (BY_HAND) console.log(store.name, trial.random.seed, counted([...fates.values()]));

      const unaccounted = [...fates].filter(([, fate]) => fate === 'unaccounted for');
      const { seed } = trial.random;
      expect({ seed, unaccounted, contradictions: contradictionsOf(ledger) }).toEqual({
        seed,
        unaccounted: [],
        contradictions: [],
      });
      expect(counted([...fates.values()]).succeeded).toBeGreaterThan(TICKS / 8);
    },
    TICKS * 5000,
  );

  async function begin(): Promise<Trial> {
    const args = ['--appendfsync', 'always'];
    const server = store.name === 'Redis' ? await RedisServer.start({ appendonly: true, args }) : undefined;
    const place = server ? { redis: server.url } : store.options;
    // The lock of a killed holder keeps few ticks busy.
    const options = {
      ...place,
      ttl: Math.max(1000, store.shortestTtl),
      history: 100,
    } as ExclusiveLockModuleOptions;
    const settings = resolveSettings({ ...options, logger: false });
    locks = await openLockManager(options, settings, new OutageLog(settings.logger));
    return new Trial(options, locks, server);
  }
});

/** When the replica has begun its last run, on the machine's clock. */
function lastStart({ events }: ReplicaProcess): number {
  return Number(events.findLast(event('started'))?.['at'] ?? 0);
}

function following(moment: Date): Date {
  return new Date((Math.floor(moment.getTime() / PERIOD) + 1) * PERIOD);
}

function counted(fates: readonly Fate[]): Partial<Record<Fate, number>> {
  const counts: Partial<Record<Fate, number>> = {};
  for (const fate of fates) counts[fate] = (counts[fate] ?? 0) + 1;
  return counts;
}
