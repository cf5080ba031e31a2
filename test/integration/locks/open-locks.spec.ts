import { join } from 'node:path';
import { openLocks } from 'nestjs-exclusive-lock/locks';
import { eventually } from '../../support/eventually.js';
import { describeOnSharedStores } from '../../support/on-shared-stores.js';
import { ReplicaProcess } from '../../support/replica-process.js';
import { Gate } from '../nest/support/gate.js';
import { closeApps, startApp } from '../nest/support/nest-apps.js';

const SCRIPT = join(import.meta.dirname, 'support/script.mjs');

afterEach(closeApps);

/** It has come to its end by itself, and soon after its locks were closed. */
async function ended(script: ReplicaProcess): Promise<void> {
  expect(await script.exit).toEqual({ code: 0, signal: null });
  expect(script.events.filter(({ event }) => event === 'lingers')).toEqual([]);
  expect(script.stdout).toEqual([]);
}

describeOnSharedStores('openLocks on %s', (store) => {
  const open = (replica: string) => openLocks({ ...store.options, replica, logger: false });

  it('excludes an application with the same store and prefix, and is excluded by it', async () => {
    const { locks: ofApp } = await startApp({ locks: { ...store.options, replica: 'app' } });
    await using ofScript = await open('script');

    const byScript = await ofScript.run('a', () => ofApp.run('a', () => 1));
    expect(byScript).toMatchObject({
      value: { status: 'skipped', reason: 'busy', holder: { replica: 'script' } },
    });
    const byApp = await ofApp.run('a', () => ofScript.run('a', () => 1));
    expect(byApp).toMatchObject({ value: { status: 'skipped', reason: 'busy', holder: { replica: 'app' } } });
  });

  it('waits in line, and sees, lists and frees the locks of others', async () => {
    await using one = await open('one');
    await using other = await open('other');
    const lease = await one.acquire('a');
    const waiting = other.acquire('a', { wait: true });
    await lease?.release();
    const next = await waiting;

    const held = await one.inspect('a');
    expect(held).toMatchObject({ holder: { replica: 'other' }, fencingToken: next.fencingToken });
    const names: string[] = [];
    for await (const { name } of one.list()) names.push(name);
    expect(names).toEqual(['a']);
    expect(await one.forceRelease('a', { fencingToken: next.fencingToken })).toBe(true);
    const lock = one.lock('a');
    expect(await lock.acquire()).toBe(true);
    await Promise.all([lock.release(), next.release()]);
  });

  it('gives a lock back when it is closed, after the work has returned', async () => {
    const one = await open('one');
    await using other = await open('other');
    const gate = new Gate();
    const running = one.run('a', () => gate.pass());
    await gate.reached;
    const closing = one.close();
    expect(await other.acquire('a')).toBeNull();
    gate.open();
    await closing;
    expect(await running).toMatchObject({ status: 'ran' });
    await using lease = await other.acquire('a');
    expect(lease).not.toBeNull();
  });
});

describeOnSharedStores('a script on %s', (store) => {
  /** Starts it with a task to do. */
  async function start(task: string): Promise<ReplicaProcess> {
    const options = JSON.stringify({ ...store.options, drainTimeout: 0 });
    const script = ReplicaProcess.start(SCRIPT, { args: [task], env: { OPTIONS: options } });
    await script.waitFor(({ event }) => event === 'opened');
    return script;
  }

  it('ends by itself when it has closed its locks', async () => {
    const script = await start('work');
    await ended(script);
    expect(script.events.at(-1)).toEqual({ event: 'closed', statuses: ['ran'] });
    expect(script.stderr).toEqual([]);
  });

  it('waits for a lock with nothing else to do', async () => {
    await using locks = await openLocks({ ...store.options, logger: false });
    const lease = await locks.acquire('job');
    const script = await start('wait');
    await eventually(async () => expect(await locks.inspect('job')).toMatchObject({ waiters: 1 }));
    await lease?.release();
    await ended(script);
    expect(script.events.at(-1)).toEqual({ event: 'closed', statuses: ['ran'] });
  });

  it('is told to end by SIGTERM: its work hears of it, the lock is released, the process ends', async () => {
    const script = await start('endless');
    await script.waitFor(({ event }) => event === 'working');
    await script.signal('SIGTERM');
    await ended(script);
    expect(script.events.at(-1)).toEqual({ event: 'closed', statuses: ['ran'] });
    await using locks = await openLocks({ ...store.options, logger: false });
    expect(await locks.inspect('job')).toBeNull();
  });
});
