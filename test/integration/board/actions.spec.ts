import type { ExclusiveLockModuleOptions } from 'nestjs-exclusive-lock';
import { eventually } from '../../support/eventually.js';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { Gate } from '../nest/support/gate.js';
import { closeApps } from '../nest/support/nest-apps.js';
import { ADAPTERS, Jobs, serveBoard, type BoardOptions } from './support/boards.js';

const NIGHTLY = { name: 'nightly', job: 'nightly' };

afterEach(async () => {
  Jobs.work = () => undefined;
  await closeApps();
});

/** A board with actions whose client has its token. */
async function serve(options: BoardOptions = {}) {
  const served = await serveBoard({ ...options, board: { actions: true, ...options.board } });
  const { token } = await served.client.overview();
  return { ...served, token: token! };
}

describe('a board without actions', () => {
  it('has no route that changes anything', async () => {
    const { client } = await serveBoard();
    const overview = await client.overview();
    expect(overview.actions).toBe(false);
    expect(overview).not.toHaveProperty('token');
    for (const action of ['pause', 'resume', 'run', 'release'])
      await expect(client.post(action, NIGHTLY)).resolves.toMatchObject({ status: 404 });
  });
});

describe.each(ADAPTERS)('an action on %s', (_, adapter) => {
  it('is taken with the token, by a page of this site', async () => {
    const { client, locks } = await serve({ adapter });
    const reply = await client.post(
      'pause',
      { ...NIGHTLY, reason: 'migration' },
      { 'sec-fetch-site': 'same-origin' },
    );
    expect(reply).toMatchObject({ status: 200, body: { status: 'done' } });
    await expect(locks.jobs.get('nightly')).resolves.toMatchObject({
      paused: { reason: 'migration', by: 'the board', until: undefined },
    });
  });

  it.each<[what: string, headers: Record<string, string>, told: string]>([
    ['of another site', { 'sec-fetch-site': 'cross-site' }, 'of another site made this request'],
    ['of another origin', { origin: 'https://evil.example' }, 'of another site made this request'],
    ['without the token', { 'x-exclusive-lock-token': '' }, 'lacks the token'],
    ['with another token', { 'x-exclusive-lock-token': 'AAAAAAAAAAAAAAAAAAAAAA' }, 'lacks the token'],
    ['without the cookie', { cookie: '' }, 'lacks the token'],
  ])('is refused %s', async (__, headers, told) => {
    const { client, locks } = await serve({ adapter });
    for (const action of ['pause', 'resume', 'run', 'release']) {
      const { status, body } = await client.post(
        action,
        { ...NIGHTLY, reason: 'x', fencingToken: 1 },
        headers,
      );
      expect([status, body['message']]).toEqual([403, expect.stringContaining(told)]);
    }
    await expect(locks.jobs.get('nightly')).resolves.toMatchObject({ paused: undefined, lastRun: undefined });
  });

  it('is only a POST', async () => {
    const { client } = await serve({ adapter });
    await expect(client.get('locks/api/pause')).resolves.toMatchObject({ status: 404 });
  });
});

describe('the board', () => {
  it('tells the same token to a browser again, so that any replica takes it', async () => {
    const store = Object.assign(new MemoryLockStore(), { close: async () => {} });
    const locks = (replica: string): ExclusiveLockModuleOptions => ({ store, replica });
    const { client, token } = await serve({ locks: locks('one') });
    const other = await serve({ locks: locks('two') });
    expect((await client.overview()).token).toBe(token);
    expect(other.token).not.toBe(token);
    const cookie = `exclusive-lock-board=${token}`;
    await expect(
      other.client.post('run', NIGHTLY, { cookie, 'x-exclusive-lock-token': token }),
    ).resolves.toMatchObject({
      status: expect.any(Number),
      body: { status: expect.stringMatching(/ran|started/) },
    });
  });

  it('pauses a job for the user that the request tells, until a time, and shows that at once', async () => {
    const { client, locks } = await serve({
      board: { user: (request: { headers: Record<string, string> }) => request.headers['x-user'] },
    });
    const until = new Date(Date.now() + 3_600_000).toISOString();

    await client.post('pause', { ...NIGHTLY, reason: 'migration', until }, { 'x-user': 'anna' });

    const [nightly] = (await client.overview()).jobs;
    expect(nightly).toMatchObject({ state: 'paused', paused: { reason: 'migration', by: 'anna', until } });
    await client.post('resume', NIGHTLY);
    await expect(locks.jobs.get('nightly')).resolves.toMatchObject({ paused: undefined });
    expect((await client.overview()).jobs[0]).not.toHaveProperty('paused');
  });

  it('starts a job, and does not wait for its end', async () => {
    const { client, locks, log } = await serve();
    const gate = new Gate();
    Jobs.work = async () => {
      await gate.pass();
      throw new Error('no paper');
    };

    await expect(client.post('run', NIGHTLY)).resolves.toMatchObject({
      status: 202,
      body: { status: 'started' },
    });
    await expect(client.post('run', NIGHTLY)).resolves.toMatchObject({
      status: 200,
      body: { status: 'skipped', reason: 'busy', holder: 'one' },
    });
    gate.open();

    await eventually(async () =>
      expect(await locks.jobs.get('nightly')).toMatchObject({ lastRun: { outcome: 'failed', byHand: true } }),
    );
    await log.line(/"nightly" failed when it was run from the board: Error: no paper/);
  });

  it('releases a lock, unless it has a newer holder', async () => {
    const { client, locks } = await serve();
    await using lease = await locks.acquire('import');
    const { fencingToken } = lease!;

    const stale = await client.post('release', { name: 'import', fencingToken: fencingToken - 1 });
    expect([stale.status, stale.body['message']]).toEqual([409, expect.stringContaining('was not released')]);
    await expect(locks.inspect('import')).resolves.not.toBeNull();

    await expect(client.post('release', { name: 'import', fencingToken })).resolves.toMatchObject({
      status: 200,
    });
    await expect(locks.inspect('import')).resolves.toBeNull();
    expect((await client.overview()).locks).toEqual([]);
  });

  it.each<[action: string, body: unknown, told: string]>([
    ['pause', [], 'name must be a string'],
    ['pause', { job: 'nightly' }, 'name must be a string'],
    ['pause', { ...NIGHTLY }, 'reason must be a string'],
    ['pause', { ...NIGHTLY, reason: ' ' }, 'reason must be a string that is not empty'],
    ['pause', { ...NIGHTLY, reason: 'x', until: 'tomorrow' }, 'until must be a time'],
    [
      'pause',
      { ...NIGHTLY, reason: 'x', until: '2020-01-01T00:00:00Z' },
      'until must be a Date in the future',
    ],
    ['pause', { name: 'migrate', job: 'migrate', reason: 'x' }, 'cannot be paused'],
    ['pause', { name: 'weekly', job: 'weekly', reason: 'x' }, 'There is no job "weekly"'],
    ['resume', { name: 'nightly' }, 'job must be a string'],
    ['run', { name: 'migrate', job: 'migrate' }, 'Jobs.onModuleInit'],
    ['run', {}, 'name must be a string'],
    ['release', { name: 'import' }, 'fencingToken must be'],
    ['release', { name: 'import', fencingToken: '1' }, 'fencingToken must be'],
  ])('refuses to %s %j', async (action, body, told) => {
    const { client } = await serve();
    const reply = await client.post(action, body);
    expect([reply.status, reply.body['message']]).toEqual([400, expect.stringContaining(told)]);
  });
});
