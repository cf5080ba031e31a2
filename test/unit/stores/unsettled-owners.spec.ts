import { jest } from '@jest/globals';
import { VOID_RETENTION } from '../../../lib/stores/lock-store.js';
import { UnsettledOwners } from '../../../lib/stores/unsettled-owners.js';

afterEach(() => jest.useRealTimers());

describe('an owner whose acquisition may have a copy on its way', () => {
  it('is known until its release was answered', () => {
    const owners = new UnsettledOwners();
    owners.add('a');
    owners.add('b');
    owners.delete('a');
    expect([owners.has('a'), owners.has('b')]).toEqual([false, true]);
  });

  it('is forgotten when no copy can arrive any more', () => {
    jest.useFakeTimers();
    const owners = new UnsettledOwners();
    for (let i = 0; i < 100; i++) owners.add(`old-${i}`);
    jest.advanceTimersByTime(VOID_RETENTION - 1);
    owners.add('old-7');
    expect(owners.has('old-8')).toBe(true);
    jest.advanceTimersByTime(1);
    owners.add('new');
    expect(owners.size).toBe(2);
    expect([owners.has('old-7'), owners.has('new')]).toEqual([true, true]);
  });
});
