import { ManualClock } from '../../../lib/testing/manual-clock.js';

let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock();
});

/** Notes when it was called, on the clock. */
function noteAfter(ms: number, notes: number[], then?: () => void): () => void {
  return clock.whenMoved(ms, () => {
    notes.push(clock.now());
    then?.();
  });
}

describe('the clock of the test kit', () => {
  it('stands still until it is moved', async () => {
    expect(clock.now()).toBe(0);
    await clock.advance(1500);
    expect(clock.now()).toBe(1500);
    await clock.standStill(500);
    expect(clock.now()).toBe(2000);
  });

  it('calls each callback at its time, even those that were added during the move', async () => {
    const notes: number[] = [];
    noteAfter(300, notes, () => noteAfter(50, notes));
    noteAfter(100, notes);

    await clock.advance(349);
    expect(notes).toEqual([100, 300]);
    await clock.advance(1);

    expect(notes).toEqual([100, 300, 350]);
  });

  it('lets the effects of a callback happen before the next one', async () => {
    const order: string[] = [];
    const chain = async (name: string): Promise<void> => {
      for (let step = 1; step <= 3; step++) order.push(await Promise.resolve(`${name}${step}`));
    };
    clock.whenMoved(1, () => void chain('a'));
    clock.whenMoved(2, () => void chain('b'));

    await clock.advance(2);

    expect(order).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'b3']);
  });

  it('does not call a callback that was cancelled', async () => {
    const notes: number[] = [];
    const cancel = noteAfter(200, notes);
    noteAfter(100, notes, cancel);

    await clock.advance(300);

    expect(notes).toEqual([100]);
  });

  it('calls all callbacks late after the process has stood still', async () => {
    const notes: number[] = [];
    noteAfter(100, notes);
    noteAfter(200, notes);

    const moved = clock.standStill(1000);
    expect([clock.now(), notes]).toEqual([1000, []]);
    await moved;

    expect(notes).toEqual([1000, 1000]);
  });

  it('adds up moves that are made at the same time', async () => {
    const notes: number[] = [];
    noteAfter(50, notes);
    noteAfter(150, notes);

    await Promise.all([clock.advance(100), clock.advance(100)]);

    expect([clock.now(), notes]).toEqual([200, [50, 150]]);
  });

  it('adds the time that has passed to Date', async () => {
    const before = Date.now();
    await clock.advance(3_600_000);
    const wall = clock.wall();
    const after = Date.now();

    expect(wall).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(wall).toBeLessThanOrEqual(after + 3_600_000);
  });

  it.each([-1, Number.NaN, Infinity, '5'])('refuses to move by %p', async (ms) => {
    for (const move of [clock.advance(ms as number), clock.standStill(ms as number)]) {
      await expect(move).rejects.toMatchObject({ code: 'LOCK_CONFIGURATION' });
    }
    expect(clock.now()).toBe(0);
  });
});
