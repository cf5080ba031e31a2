import { fromNow, lengthOf } from '../../../lib/cli/words.js';

describe('times for people', () => {
  it.each([
    [0, '0 ms'],
    [250.4, '250 ms'],
    [2_345, '2.3 s'],
    [59_940, '59.9 s'],
    [59_960, '1m'],
    [250_000, '4m 10s'],
    [3_600_000, '1h'],
    [3_659_900, '1h 1m'],
    [26 * 3_600_000, '1d 2h'],
    [Infinity, 'no end'],
  ])('says %d ms as %s', (ms, text) => {
    expect(lengthOf(ms)).toBe(text);
  });

  it('says how long ago a moment was, and how far away it is', () => {
    const now = Date.parse('2026-11-30T12:00:00Z');

    expect(fromNow(new Date('2026-11-30T09:00:00Z'), now)).toBe('3h ago');
    expect(fromNow(new Date('2026-11-30T12:00:30Z'), now)).toBe('in 30.0 s');
    expect(fromNow(undefined, now)).toBe('-');
  });
});
