import { strict as assert } from 'node:assert';
import { assertBetween, eventually } from './checks.js';
import type { Define } from './contract-case.js';
import { MINUTE, SHORT, WITHIN, type Subject } from './subject.js';

export function replicas(it: Define): void {
  it('is known to the others, with what it said last', async (on) => {
    assert.deepEqual(await known(on), []);
    await on.one.runs!.publish('web-1', '{"jobs":1}', MINUTE, WITHIN);
    await on.two.runs!.publish('web: {2} "漢字"', '{"jobs":["a\\n\\tb"]}', MINUTE, WITHIN);
    await on.one.runs!.publish('web-1', '{"jobs":2}', MINUTE, WITHIN);
    assert.deepEqual(await known(on), ['{"jobs":2}', '{"jobs":["a\\n\\tb"]}']);
  });

  it('is forgotten when its time is over, and no other', async (on) => {
    await on.one.runs!.publish('web-1', '{"replica":1}', SHORT, WITHIN);
    await on.one.runs!.publish('web-2', '{"replica":2}', MINUTE, WITHIN);
    await on.advance(SHORT);
    await eventually('the first is forgotten', async () => (await known(on)).length === 1);
    assert.deepEqual(await known(on), ['{"replica":2}']);
    await on.one.runs!.publish('web-3', '{"replica":3}', MINUTE, WITHIN);
    assert.deepEqual(await known(on), ['{"replica":2}', '{"replica":3}']);
  });

  it('is forgotten when it leaves', async (on) => {
    for (const replica of ['web-1', 'web-2'])
      await on.one.runs!.publish(replica, `{"replica":"${replica}"}`, MINUTE, WITHIN);
    await on.one.runs!.publish('web-1', '{}', 0, WITHIN);
    assert.deepEqual(await known(on), ['{"replica":"web-2"}']);
    await on.one.runs!.publish('web-2', '{}', 0, WITHIN);
    assert.deepEqual(await known(on), []);
  });

  it('comes with the clock of the store', async (on) => {
    const before = await on.now();
    const { now } = await on.two.runs!.replicas(WITHIN);
    assertBetween(now, before - 20, (await on.now()) + 20);
  });

  it(
    'is known under its own prefix only',
    async (on) => {
      await on.one.runs!.publish('web-1', '{}', MINUTE, WITHIN);
      assert.deepEqual((await on.otherPrefix.runs!.replicas(WITHIN)).entries, []);
    },
    'otherPrefix',
  );
}

async function known(on: Subject): Promise<string[]> {
  return [...(await on.two.runs!.replicas(WITHIN)).entries].toSorted();
}
