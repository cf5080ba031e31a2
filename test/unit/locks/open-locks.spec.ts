import { jest } from '@jest/globals';
import { ExclusiveLockService } from 'nestjs-exclusive-lock';
import { Locks, openLocks, type LockEvent, type OpenLocksOptions } from 'nestjs-exclusive-lock/locks';
import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { CapturingLogger } from '../../integration/nest/support/capturing-logger.js';
import { Gate } from '../../integration/nest/support/gate.js';

const MEMORY = { store: 'memory', logger: false } as const;

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** How many there are for the signals that end a process. */
const handlers = (): number[] => ['SIGTERM', 'SIGINT'].map((signal) => process.listenerCount(signal));

const keepIn =
  (lines: unknown[]) =>
  (line: unknown): void =>
    void lines.push(line);

describe('openLocks', () => {
  it('gives the calls that the service of Nest has, of one implementation', async () => {
    await using locks = await openLocks(MEMORY);
    for (const call of ['run', 'acquire', 'lock', 'inspect', 'list', 'forceRelease', 'onEvent'] as const)
      expect(locks[call]).toBe(ExclusiveLockService.prototype[call]);
    expect(Object.hasOwn(ExclusiveLockService, 'current')).toBe(false);
  });

  it('runs work under a lock, which is the current lease there and busy for others', async () => {
    await using locks = await openLocks(MEMORY);
    const outcome = await locks.run('a', async (lease) => {
      expect(Locks.current()).toBe(lease);
      expect(await locks.inspect('a')).toMatchObject({ name: 'a', fencingToken: lease.fencingToken });
      return locks.acquire('a');
    });
    expect(outcome).toEqual({ status: 'ran', value: null });
    expect(await locks.inspect('a')).toBeNull();
  });

  it('takes the store of a test kit', async () => {
    const kit = new LockTestKit();
    await kit.holdElsewhere('a');
    await using locks = await openLocks({ store: kit.store, logger: false });
    expect(await locks.run('a', () => 1)).toMatchObject({ status: 'skipped', reason: 'busy' });
  });

  it('installs no signal handlers', async () => {
    const before = handlers();
    await using _ = await openLocks(MEMORY);
    expect(handlers()).toEqual(before);
  });
});

describe('openLocks refuses', () => {
  it.each([
    [
      'an option of Nest',
      { ticks: false },
      /^ticks has no effect in openLocks\(\): .*forRoot\(\) uses it\. Leave it out/,
    ],
    ['another one', { version: '1' }, /^version has no effect in openLocks/],
    ['one of the module', { isGlobal: true }, /^isGlobal has no effect in openLocks/],
    ['one of Nest without a value', { ticks: undefined }, /^ticks has no effect in openLocks/],
    ['an unknown option', { tll: 5 }, /^tll is not an option of openLocks\. Known options: .*ttl/],
    ['what is no object', 'redis://cache', /^The options of openLocks must be an object/],
    ['nothing', null, /^The options of openLocks must be an object; got null/],
  ])('%s', async (_what, options, message) => {
    const opening = openLocks(options as OpenLocksOptions);
    await expect(opening).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringMatching(message),
    });
  });

  it('knows of no option that is for Nest alone', async () => {
    const opening = openLocks({ tll: 5 } as unknown as OpenLocksOptions);
    await expect(opening).rejects.not.toThrow(/ticks|version|isGlobal/);
  });
});

describe('what openLocks logs', () => {
  const stderr: unknown[] = [];
  const stdout: unknown[] = [];

  beforeEach(() => {
    for (const level of ['warn', 'error'] as const)
      jest.spyOn(console, level).mockImplementation(keepIn(stderr));
    for (const level of ['log', 'info', 'debug'] as const)
      jest.spyOn(console, level).mockImplementation(keepIn(stdout));
  });

  afterEach(() => {
    jest.restoreAllMocks();
    expect(stdout.splice(0)).toEqual([]);
    stderr.length = 0;
  });

  it('goes to stderr by default: news, warnings and errors', async () => {
    const kit = new LockTestKit();
    await using locks = await openLocks({ store: kit.store, enabled: true });
    kit.down();
    await locks.run('a', () => 1);
    kit.up();
    await locks.run('a', () => 1);
    await using _ = await openLocks({ enabled: false });
    expect(stderr).toEqual([
      expect.stringMatching(/^\[ExclusiveLock\] error: The lock store .* is unavailable/),
      expect.stringMatching(/^\[ExclusiveLock\] The lock store .* is back/),
      expect.stringMatching(/^\[ExclusiveLock\] warning: Locks are off/),
    ]);
  });

  it('goes to the logger that it was given', async () => {
    const log = new CapturingLogger();
    await using _ = await openLocks({ enabled: false, logger: log });
    expect(log.lines.length).toBeGreaterThan(0);
    expect(stderr).toEqual([]);
  });
});

describe('onEvent', () => {
  it('tells what happens from now on, until it is ended', async () => {
    await using locks = await openLocks(MEMORY);
    const types: string[] = [];
    const keep = ({ type }: LockEvent): number => types.push(type);
    const stops = [locks.onEvent(keep), locks.onEvent(keep)];
    await locks.run('a', () => 1);
    stops[0]?.();
    await locks.run('a', () => 1);
    stops[1]?.();
    await locks.run('a', () => 1);
    const [one, both] = [(type: string) => [type], (type: string) => [type, type]];
    const run = ['acquired', 'started', 'released', 'finished'];
    expect(types).toEqual([...run.flatMap(both), ...run.flatMap(one)]);
  });

  it('logs a listener that throws or rejects, and does no harm to others or the lock', async () => {
    const log = new CapturingLogger();
    await using locks = await openLocks({ store: 'memory', logger: log });
    const types: string[] = [];
    locks.onEvent(() => {
      throw new Error('at once');
    });
    locks.onEvent(async () => {
      throw new Error('later');
    });
    locks.onEvent(({ type }) => types.push(type));
    expect(await locks.run('a', () => 1)).toEqual({ status: 'ran', value: 1 });
    // A rejection that nobody handles fails the test in the turn after.
    await settled();
    expect(types).toEqual(['acquired', 'started', 'released', 'finished']);
    for (const why of ['at once', 'later'])
      expect(log.lines.map(({ message }) => message)).toContain(`A listener of onEvent threw: ${why}.`);
  });

  it('refuses what is no function', async () => {
    await using locks = await openLocks(MEMORY);
    expect(() => locks.onEvent({} as never)).toThrow('listener must be a function; got listener = an object');
  });
});

describe('close', () => {
  it('waits for the work that runs, and refuses what comes meanwhile', async () => {
    const locks = await openLocks(MEMORY);
    const order: string[] = [];
    const gate = new Gate();
    const running = locks.run('a', () => gate.pass());
    await gate.reached;
    const closing = locks.close().then(() => order.push('closed'));
    expect(await locks.run('b', () => 1)).toMatchObject({ status: 'skipped', reason: 'shutting-down' });
    await expect(locks.acquire('b')).rejects.toMatchObject({ code: 'LOCK_SHUTTING_DOWN' });
    order.push('finished');
    gate.open();
    await closing;
    expect(order).toEqual(['finished', 'closed']);
    expect(await running).toMatchObject({ status: 'ran' });
  });

  it('aborts the signals of what takes longer than drainTimeout', async () => {
    const locks = await openLocks({ ...MEMORY, drainTimeout: 0 });
    const gate = new Gate();
    const running = locks.run('a', async ({ signal }) => {
      void gate.pass();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return (signal.reason as { code: string }).code;
    });
    await gate.reached;
    await locks.close();
    expect(await running).toMatchObject({ value: 'LOCK_SHUTTING_DOWN' });
  });

  it('has a leader step down at once, and waits for its work', async () => {
    const locks = await openLocks(MEMORY);
    const election = locks.elect('feed');
    const changes: string[] = [];
    election.onChange(({ type }) => changes.push(type));
    let worked = false;
    const over = election.whileLeader(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      worked = true;
    });
    await settled();
    expect(election.isLeader).toBe(true);

    await locks.close();

    expect(worked).toBe(true);
    expect(changes).toEqual(['termBegan', 'termEnded']);
    await over;
  });

  it('can be called again, and is called at the end of an await using', async () => {
    let close: jest.SpiedFunction<() => Promise<void>> | undefined;
    {
      await using locks = await openLocks(MEMORY);
      await locks.close();
      close = jest.spyOn(locks, 'close');
    }
    expect(close).toHaveBeenCalledTimes(1);
  });
});
