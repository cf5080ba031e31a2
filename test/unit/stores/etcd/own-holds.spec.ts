import { jest } from '@jest/globals';
import { OwnHolds } from '../../../../lib/stores/etcd/own-holds.js';
import { eventually } from '../../../support/eventually.js';

const TTL = 40;
const hold = (owner: string, ttl = TTL) => ({ owner, ttl, process: 'p' });

describe('the holds of a process', () => {
  const ended: string[] = [];
  let holds: OwnHolds<ReturnType<typeof hold>>;

  beforeEach(() => {
    ended.length = 0;
    holds = new OwnHolds();
    holds.onOverdue(async (key, owner) => ended.push(`${key} of ${owner}`));
  });
  afterEach(() => holds.close());

  it('are ended and forgotten when their time is over', async () => {
    const begun = performance.now();
    holds.set('a', hold('one'));
    await eventually(() => expect(ended).toEqual(['a of one']));
    expect(performance.now() - begun).toBeGreaterThanOrEqual(TTL - 1);
    await eventually(() => expect(holds.get('a')).toBeUndefined());
  });

  it('are not ended when they were given up or renewed', async () => {
    holds.set('a', hold('one'));
    holds.set('b', hold('one'));
    holds.set('b', hold('one', 60_000));
    holds.delete('a');
    holds.set('c', hold('one', TTL + 20));
    await eventually(() => expect(ended).toEqual(['c of one']));
  });

  it('keep their time when more becomes known of them', async () => {
    holds.set('a', hold('one'));
    holds.update('a', hold('one', 60_000));
    expect(holds.get('a')).toMatchObject({ ttl: 60_000 });
    await eventually(() => expect(ended).toEqual(['a of one']));
  });

  it('are ended again when the first attempt has failed', async () => {
    const end = jest.fn(async () => {
      if (end.mock.calls.length === 1) throw new Error('away');
    });
    holds.onOverdue(end);
    holds.set('a', hold('one'));
    await eventually(() => expect(end).toHaveBeenCalledTimes(2));
    await eventually(() => expect(holds.get('a')).toBeUndefined());
  });

  it('of another owner, taken while the first is ended, are left alone', async () => {
    holds.onOverdue(async () => holds.set('a', hold('two', 60_000)));
    holds.set('a', hold('one'));
    await eventually(() => expect(holds.get('a')).toMatchObject({ owner: 'two' }));
    await new Promise(setImmediate);
    expect(holds.get('a')).toMatchObject({ owner: 'two' });
  });
});
