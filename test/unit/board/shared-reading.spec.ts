import { SharedReading, sharingTime } from '../../../lib/board/shared-reading.js';
import { ManualClock, useRealTime } from '../core/support/manual-clock.js';

let clock: ManualClock;
let readings: number;

beforeEach(() => {
  clock = ManualClock.install();
  readings = 0;
});
afterEach(() => useRealTime());

const shared = (sharedFor = 1000) => new SharedReading(async () => ({ value: ++readings, sharedFor }));

describe('a shared reading', () => {
  it('is made once for all who ask at the same time', async () => {
    const reading = shared();
    await expect(Promise.all([reading.get(), reading.get(), reading.get()])).resolves.toEqual([1, 1, 1]);
  });

  it('is made anew when its time is over', async () => {
    const reading = shared();
    await reading.get();
    await clock.pass(999);
    await expect(reading.get()).resolves.toBe(1);
    await clock.pass(1);
    await expect(reading.get()).resolves.toBe(2);
  });

  it('is made anew after something has changed, even while one is under way', async () => {
    let finish!: () => void;
    const reading = new SharedReading(async () => {
      const value = ++readings;
      if (value === 1) await new Promise<void>((resolve) => (finish = resolve));
      return { value, sharedFor: 1000 };
    });
    const first = reading.get();
    reading.forget();
    await expect(reading.get()).resolves.toBe(2);
    finish();
    await expect(first).resolves.toBe(1);
    await expect(reading.get()).resolves.toBe(2);
  });

  it('is made anew after a failure, which those hear who waited for it', async () => {
    const reading = new SharedReading(async () => {
      if (++readings === 1) throw new Error('away');
      return { value: readings, sharedFor: 1000 };
    });
    const both = [reading.get(), reading.get()];
    await expect(both[0]).rejects.toThrow('away');
    await expect(both[1]).rejects.toThrow('away');
    await expect(reading.get()).resolves.toBe(2);
  });
});

describe('a reading', () => {
  it.each([
    [10, 200],
    [100, 2000],
    // It may have waited for a store that was away, and what it says is new no more when that is back.
    [1500, 5000],
  ])('that took %i ms is shared for %i ms', (took, ms) => {
    expect(sharingTime(took)).toBe(ms);
  });
});
