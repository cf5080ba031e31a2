import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { LockEvent, RunOptions } from 'nestjs-exclusive-lock';
import { eventually } from '../../support/eventually.js';
import { engineGuardsScripts } from '../../support/redis/engine.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { ACL_TO_WAIT, MINIMAL_ACL } from './support/acl.js';
import { closeEverything, openManager } from './support/redis-stores.js';

afterEach(closeEverything);

const RERUN: RunOptions = { occurrence: { tick: new Date(), onHolderDeath: 'rerun' } };
const HOOK: RunOptions = { occurrence: { key: 'v1' } };
const SOON = { within: 20_000 };
/** A TTL that is over long after Redis is well, on however busy a machine. */
const LONG = 600_000;

const OF_LEASES = new Set<string>(['acquired', 'released', 'lost']);

/** How a server refuses writes, and what ends that. */
type Refusal = (server: RedisServer, admin: Redis) => Promise<() => Promise<unknown>>;

const outOfMemory: Refusal = async (_server, admin) => {
  await admin.config('SET', 'maxmemory', '1');
  return () => admin.config('SET', 'maxmemory', '0');
};

const cannotSave: Refusal = async (_server, admin) => {
  const [, folder = ''] = (await admin.config('GET', 'dir')) as string[];
  const obstacle = join(folder, 'blocked.rdb');
  const save = async (status: string): Promise<void> => {
    await admin.bgsave();
    await eventually(async () => (await admin.info()).includes(`rdb_last_bgsave_status:${status}`), SOON);
  };
  mkdirSync(join(obstacle, 'full'), { recursive: true });
  await admin.config('SET', 'save', '3600 1000000');
  await save('err');
  return async () => {
    rmSync(obstacle, { recursive: true });
    await save('ok');
  };
};

const tooFewReplicas: Refusal = async (_server, admin) => {
  await admin.config('SET', 'min-replicas-to-write', '1');
  return () => admin.config('SET', 'min-replicas-to-write', '0');
};

async function start() {
  const server = await RedisServer.start({ args: ['--dbfilename', 'blocked.rdb'] });
  const admin = server.client();
  const [holder, other] = [await openManager(server.url), await openManager(server.url)];
  const events: LockEvent[] = [];
  holder.manager.events.listen((event) => {
    if (OF_LEASES.has(event.type)) events.push(event);
  });
  return { server, admin, holder, other, events };
}

describe('work that succeeds while Redis is out of memory (-OOM)', () => {
  it.each([
    ['a run', {}],
    ['a start hook', HOOK],
    ['a tick with rerun', RERUN],
  ])('gives its lock back and is recorded at once: %s', async (_what, options) => {
    const { server, admin, holder, other, events } = await start();

    const outcome = await holder.manager.run('lock', () => outOfMemory(server, admin), options);

    expect(outcome.status).toBe('ran');
    expect(events.map(({ type }) => type)).toEqual(['acquired', 'released']);
    expect(await admin.exists('locks:lock')).toBe(0);
    expect(holder.log.all).toBe('');
    if (outcome.status === 'ran') await outcome.value();
    const again = await other.manager.run('lock', () => 'again', options);
    expect(again).toMatchObject(options.occurrence ? { reason: 'done' } : { status: 'ran' });
  });

  it('hands its lock to the next waiter at once', async () => {
    const { server, admin, holder, other } = await start();
    let waiting: Promise<unknown> | undefined;
    const work = async () => {
      waiting = other.manager.run('lock', () => 'next', { wait: true });
      await eventually(async () => (await holder.manager.inspect('lock'))?.waiters === 1, SOON);
      await outOfMemory(server, admin);
    };

    await holder.manager.run('lock', work, {});

    expect(await waiting).toEqual({ status: 'ran', value: 'next' });
  });
});

const refusals: [string, Refusal][] = [['cannot save (-MISCONF)', cannotSave]];
if (await engineGuardsScripts()) refusals.push(['lacks replicas (-NOREPLICAS)', tooFewReplicas]);

describe.each(refusals)('work that succeeds while Redis %s', (_what, refuse) => {
  it.each([
    ['a start hook', { ...HOOK, wait: true }],
    ['a tick with rerun', RERUN],
  ] as const)(
    'is not done again by another replica when Redis accepts writes again: %s',
    async (_which, options) => {
      const { server, admin, holder, other, events } = await start();
      let allow: (() => Promise<unknown>) | undefined;
      let standingBy: Promise<unknown> | undefined;
      const work = async () => {
        standingBy = other.manager.run('lock', () => 'again', options);
        allow = await refuse(server, admin);
      };

      expect(await holder.manager.run('lock', work, options)).toMatchObject({ status: 'ran' });
      await allow?.();

      expect(await standingBy).toMatchObject({ status: 'skipped', reason: 'done' });
      await eventually(() => expect(events.map(({ type }) => type)).toEqual(['acquired', 'released']), SOON);
      expect(holder.log.warnings).toEqual([]);
      expect([holder.log.errors.length, holder.log.infos.length]).toEqual([1, 1]);
    },
  );

  it('hands its lock to the next waiter when Redis has memory again, long before the TTL is over', async () => {
    const { server, admin, holder, other } = await start();
    let waiting: Promise<unknown> | undefined;
    let allow: (() => Promise<unknown>) | undefined;
    const work = async () => {
      waiting = other.manager.run('lock', () => 'next', { wait: true });
      await eventually(async () => (await holder.manager.inspect('lock'))?.waiters === 1, SOON);
      allow = await refuse(server, admin);
    };
    await holder.manager.run('lock', work, { ttl: LONG });
    const ended = performance.now();
    await allow?.();

    expect(await waiting).toEqual({ status: 'ran', value: 'next' });
    // It was granted the lock before the lease of the first could have expired, which nobody renews.
    expect(performance.now() - ended).toBeLessThan(LONG / 2);
  });
});

describe('work that succeeds when its user may no longer release locks (-NOPERM)', () => {
  it('is recorded when the permission is back, logs one error, and keeps others from doing it again', async () => {
    const server = await RedisServer.start();
    const admin = server.client();
    const user = (...rules: string[]): Promise<unknown> => admin.acl('SETUSER', 'app', ...rules);
    await user('on', '>secret', 'resetchannels', ...MINIMAL_ACL, ...ACL_TO_WAIT);
    const url = server.url.replace('redis://', 'redis://app:secret@');
    const { manager, log } = await openManager(url);
    const other = await openManager(server.url);

    await manager.run('lock', () => user('-set'), HOOK);
    await eventually(() => expect(log.errors).toHaveLength(1), SOON);
    expect(log.errors[0]).toMatch(
      /^The lock "lock" cannot be released: .*(NOPERM|ACL failure|can't run this command).* Grant the user/,
    );
    expect(await other.manager.run('lock', () => 'again', HOOK)).toMatchObject({ reason: 'busy' });
    await user('+set');

    expect(await other.manager.run('lock', () => 'again', { ...HOOK, wait: true })).toMatchObject({
      reason: 'done',
    });
    expect(log.errors).toHaveLength(1);
    expect(log.warnings).toEqual([]);
  });
});

describe('work that ends under its lease after Redis was killed and restarted empty', () => {
  it.each([
    ['before its end', 'within'],
    ['after its end', 'afterwards'],
  ])('is reported as run and released, and never as lost: Redis is back %s', async (_when, back) => {
    const { server, holder, events } = await start();
    const work = async () => {
      await server.kill();
      if (back === 'within') await server.restart();
      return 'done';
    };

    expect(await holder.manager.run('lock', work, {})).toEqual({ status: 'ran', value: 'done' });
    if (back === 'afterwards') await server.restart();

    await eventually(() => expect(events.map(({ type }) => type)).toEqual(['acquired', 'released']), SOON);
    expect(holder.log.warnings).toEqual([]);
  });
});
