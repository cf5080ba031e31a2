import { strict as assert } from 'node:assert';
import type { ForceRequest } from '../../stores/lock-store.js';
import { all } from './checks.js';
import type { Define } from './contract-case.js';
import { queueUp } from './queue-up.js';
import { SHORT, WITHIN, ended, granted, request } from './subject.js';

export function admin(define: Define): void {
  const it: Define = (name, check, ...needs) => define(name, check, 'admin', ...needs);

  it('frees by force the very grant that is named', async (on) => {
    const force = (grant: ForceRequest) => on.two.admin!.force(grant, WITHIN);
    const held = request('a');
    const fencingToken = await granted(on.one, held);
    assert.equal(await force({ name: 'a', fencingToken: fencingToken - 1 }), 'taken');
    assert.equal(await on.ownerOf('a'), held.owner);

    assert.equal(await force({ name: 'a', fencingToken }), 'held');

    assert.equal(await on.inspect('a'), null);
    assert.equal(await force({ name: 'a', fencingToken }), 'vanished');
    assert.equal(await force({ name: 'free', fencingToken }), 'vanished');
    await granted(on.two, request('a'));
    assert.equal(await force({ name: 'a', fencingToken }), 'taken');
  });

  it(
    'hands over what it frees by force',
    async (on) => {
      const fencingToken = await granted(on.one, request('a'));
      const waiter = await queueUp(on.two, request('a'));
      assert.equal(await on.two.admin!.force({ name: 'a', fencingToken }, WITHIN), 'held');
      assert.equal(await on.ownerOf('a'), waiter.request.owner);
      assert.equal(await on.two.admin!.force({ name: 'a', fencingToken }, WITHIN), 'taken');
      waiter.stop();
    },
    'queue',
  );

  it('lists the locks that are held, by the beginning of their names', async (on) => {
    const held = [request('job:a'), request('job:b*'), request('other')];
    for (const one of held) await granted(on.one, one);
    const released = request('job:released');
    await granted(on.one, released);
    await on.one.release(ended(released), WITHIN);
    await granted(on.one, request('job:expired', { ttl: SHORT }));
    await on.expiry('job:expired');

    const list = async (prefix: string) => all(on.two.admin!.list(prefix, WITHIN));
    const found = (await list('job:')).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    assert.deepEqual(
      found.map(({ name, owner, holder }) => ({ name, owner, holder })),
      held.slice(0, 2).map(({ name, owner, holder }) => ({ name, owner, holder })),
    );
    assert.equal((await list('job:b*')).length, 1);
    for (const none of ['job:*', 'job_', 'job:%', 'JOB:']) assert.equal((await list(none)).length, 0);
    assert.equal((await list('')).length, 3);
  });

  it('lists what inspecting finds', async (on) => {
    await granted(on.one, request('job'));
    const [listed] = await all(on.two.admin!.list('job', WITHIN));
    const { remaining, ...rest } = (await on.inspect('job'))!;
    assert.deepEqual({ ...listed, remaining: 0 }, { name: 'job', ...rest, remaining: 0 });
    assert.ok(remaining <= listed.remaining);
  });
}
