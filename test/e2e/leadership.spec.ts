import { setTimeout as sleep } from 'node:timers/promises';
import type { ExclusiveLockModuleOptions } from '../../lib/index.js';
import { logLines, startApp } from '../support/apps.js';
import { machineTime } from '../support/contenders.js';
import { eventually } from '../support/eventually.js';
import { event, expectExclusion } from '../support/history.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';
import type { ReplicaProcess } from '../support/replica-process.js';
import { testRedisUrl } from '../support/redis/test-redis.js';
import { TcpProxy } from '../support/tcp-proxy.js';

/** `LEADERSHIP_TERMS=200` for a trial by hand, which prints what it measured. */
const BY_HAND = process.env['LEADERSHIP_TERMS'];
const TERMS = Number(BY_HAND ?? 30);
const TTL = 1000;
/** What a takeover and a hand-over may take by hand, on an idle machine. */
const IDLE = { takeover: TTL + 1000, handOver: 5 };
/**
 * The same on a busy one, where processes stand still for longer than the time limit of their commands. A hand-over still
 * takes less than a lost notification costs, which is two seconds.
 */
const BUSY = { takeover: 10 * TTL, handOver: 500 };

/** A replica and the way to its store. */
interface Member {
  readonly replica: ReplicaProcess;
  /** Of Redis. */
  readonly proxy: TcpProxy | undefined;
}

/** One term, as the trial saw it begin. */
interface Term {
  readonly member: Member;
  readonly fencingToken: number;
  /** On the machine's clock. */
  readonly first: number;
}

/** Ends a term, and resolves to the moment from which the takeover counts. */
type Fault = (term: Term, trial: Trial) => Promise<number>;

/** Three replicas, one of which leads; each that is killed is replaced. */
class Trial {
  readonly all: Member[] = [];
  readonly #options: ExclusiveLockModuleOptions;
  #alive: Member[] = [];

  constructor(options: ExclusiveLockModuleOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const redis = 'redis' in this.#options && this.#options.redis !== undefined;
    const proxy = redis ? await TcpProxy.start(Number(new URL(testRedisUrl()).port)) : undefined;
    const place = proxy ? { redis: `redis://127.0.0.1:${proxy.port}` } : {};
    const options = { ...this.#options, ...place, ttl: TTL, commandTimeout: 500 };
    const member = { replica: startApp('leader-replica', options as ExclusiveLockModuleOptions), proxy };
    this.all.push(member);
    this.#alive.push(member);
    await member.replica.waitFor(event('ready'));
  }

  async replace(member: Member): Promise<void> {
    this.#alive = this.#alive.filter((other) => other !== member);
    await this.start();
  }

  /** The next term after the one with that token. */
  async termAfter(fencingToken: number): Promise<Term> {
    let found: Term | undefined;
    await eventually(
      () => (found = this.#terms().find((term) => term.fencingToken > fencingToken)) !== undefined,
      {
        every: 1,
      },
    );
    return found!;
  }

  #terms(): Term[] {
    const terms = this.#alive.flatMap((member) =>
      member.replica.events.filter(event('leads')).map((leads) => ({
        member,
        fencingToken: Number(leads['fencingToken']),
        first: Number(leads['first']),
      })),
    );
    return terms.toSorted((a, b) => a.first - b.first);
  }

  get replicas(): ReplicaProcess[] {
    return this.all.map(({ replica }) => replica);
  }
}

const endOf = async ({ member, fencingToken }: Term) =>
  member.replica.waitFor(event('ended', { fencingToken }));

const FAULTS: Record<string, Fault> = {
  async SIGTERM(term, trial) {
    expect(await term.member.replica.stop()).toEqual({ code: null, signal: 'SIGTERM' });
    await trial.replace(term.member);
    return Number((await endOf(term))['end']);
  },
  async SIGKILL({ member }, trial) {
    const at = machineTime();
    await member.replica.signal('SIGKILL');
    await trial.replace(member);
    return at;
  },
  async SIGSTOP(term, trial) {
    const { replica } = term.member;
    await replica.signal('SIGSTOP');
    const at = machineTime();
    await trial.termAfter(term.fencingToken);
    await sleep(Math.random() * 300);
    await replica.signal('SIGCONT');
    // Its first check says so: else it would believe in two leaders, which the history of beliefs shows.
    expect(await endOf(term)).toMatchObject({ stoodStill: true });
    return at;
  },
  async 'black hole'(term, trial) {
    const { proxy } = term.member;
    const at = machineTime();
    proxy?.drop('toServer');
    proxy?.drop('toClient');
    await trial.termAfter(term.fencingToken);
    await endOf(term);
    proxy?.heal();
    return at;
  },
};

describeOnSharedStores(
  'three replicas with one leader, on %s',
  (store) => {
    afterEach(() => TcpProxy.closeAll());

    it(
      'lead in terms that do not overlap, whatever ends them, and take over in time',
      async () => {
        const faults = Object.keys(FAULTS).filter((name) => store.name === 'Redis' || name !== 'black hole');
        const taken: Record<string, number[]> = Object.fromEntries(faults.map((name) => [name, []]));
        const trial = new Trial(store.options);
        await Promise.all([trial.start(), trial.start(), trial.start()]);
        let term = await trial.termAfter(0);
        for (let i = 0; i < TERMS; i++) {
          const fault = faults[i % faults.length];
          await sleep(20 + Math.random() * 80);
          const from = await FAULTS[fault](term, trial);
          term = await trial.termAfter(term.fencingToken);
          taken[fault].push(term.first - from);
        }
        await Promise.all(trial.replicas.filter(({ pid }) => isAlive(pid)).map((replica) => replica.stop()));

        if (BY_HAND) show(store.name, taken);
        expectExclusion(trial.replicas);
        const { SIGTERM, ...others } = taken;
        const handOver = BY_HAND && store.name === 'Redis' ? IDLE.handOver : BUSY.handOver;
        expect(median(SIGTERM)).toBeLessThan(handOver);
        const takeover = BY_HAND ? IDLE.takeover : BUSY.takeover;
        expect(Math.max(...Object.values(others).flat())).toBeLessThan(takeover);
        expect(trial.replicas.flatMap((replica) => logLines(replica, 'error')).filter(isNoOutage)).toEqual(
          [],
        );
      },
      TERMS * 10_000,
    );
  },
  { ttl: TTL },
);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Behind the black hole, the store is away. */
const isNoOutage = (line: string): boolean => !line.includes('is unavailable');

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

function show(name: string, taken: Record<string, number[]>): void {
  for (const [fault, times] of Object.entries(taken)) {
    const [least, middle, most] = [Math.min(...times), median(times), Math.max(...times)].map((ms) =>
      ms.toFixed(1),
    );
    console.log(
      `${name}, ${fault}: ${times.length} terms, next leader after ${least}, p50 ${middle}, at most ${most} ms`,
    );
  }
}
