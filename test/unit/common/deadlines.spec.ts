import { jest } from '@jest/globals';
import { performance } from 'node:perf_hooks';
import { Deadlines } from '../../../lib/common/deadlines.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';

let deadlines: Deadlines;
let passed: string[];

const add = (name: string, ms: number) => deadlines.add(performance.now() + ms, () => passed.push(name));

/** Whether the timer that was set last does. */
function keepsAlive(): boolean | undefined {
  const { results } = jest.mocked(setTimeout).mock;
  return (results.at(-1)?.value as NodeJS.Timeout | undefined)?.hasRef();
}

beforeEach(() => {
  jest.useFakeTimers();
  // The fake timers move Date, but not what node:perf_hooks exports.
  jest.spyOn(performance, 'now').mockImplementation(() => Date.now());
  deadlines = new Deadlines(performance);
  passed = [];
});

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe('deadlines', () => {
  it('pass each at its own time, whatever their order', () => {
    add('late', 300);
    add('early', 100);
    add('middle', 200);

    jest.advanceTimersByTime(99);
    expect(passed).toEqual([]);
    jest.advanceTimersByTime(2);
    expect(passed).toEqual(['early']);
    jest.advanceTimersByTime(200);
    expect(passed).toEqual(['early', 'middle', 'late']);
  });

  it('do not pass after they were cancelled', () => {
    const cancelled = add('cancelled', 100);
    add('kept', 100);
    deadlines.cancel(cancelled);

    jest.advanceTimersByTime(200);

    expect(passed).toEqual(['kept']);
  });

  it('pass once, and later deadlines pass after a pause', () => {
    add('first', 10);
    jest.advanceTimersByTime(1000);
    add('second', 10);
    jest.advanceTimersByTime(1000);

    expect(passed).toEqual(['first', 'second']);
  });

  it('may be added by a deadline that passes', () => {
    deadlines.add(performance.now() + 10, () => add('next', 10));
    jest.advanceTimersByTime(30);

    expect(passed).toEqual(['next']);
  });

  it('share one timer, which does not keep the process alive and ends with the last of them', () => {
    const timer = jest.spyOn(globalThis, 'setTimeout');
    for (let i = 0; i < 1000; i++) deadlines.cancel(add('met', 100));

    expect(timer).toHaveBeenCalledTimes(1);
    expect((timer.mock.results[0].value as NodeJS.Timeout).hasRef()).toBe(false);
    jest.advanceTimersByTime(200);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('deadlines that keep the process alive', () => {
  beforeEach(() => void jest.spyOn(globalThis, 'setTimeout'));

  it('do so while one is pending', () => {
    deadlines = new Deadlines(performance, { keepAlive: true });

    const [first, second] = [add('first', 100), add('second', 50)];
    expect(keepsAlive()).toBe(true);
    deadlines.cancel(second);
    expect(keepsAlive()).toBe(true);
    deadlines.cancel(first);
    expect(keepsAlive()).toBe(false);
    add('third', 100);
    expect(keepsAlive()).toBe(true);

    jest.advanceTimersByTime(200);
    expect(passed).toEqual(['third']);
  });

  it('do so for the others after one has passed', () => {
    deadlines = new Deadlines(performance, { keepAlive: true });
    add('first', 100);
    add('second', 200);
    jest.advanceTimersByTime(150);

    expect(passed).toEqual(['first']);
    expect(keepsAlive()).toBe(true);
  });
});

describe('deadlines on a clock that is moved by hand', () => {
  it('pass each in its own real time while the clock stands still', () => {
    deadlines = new Deadlines(new ManualClock());
    deadlines.cancel(deadlines.add(100, () => passed.push('cancelled')));
    jest.advanceTimersByTime(90);
    deadlines.add(100, () => passed.push('kept'));

    jest.advanceTimersByTime(99);
    expect(passed).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(passed).toEqual(['kept']);
  });

  it('pass when the clock is moved that far', async () => {
    const clock = new ManualClock();
    deadlines = new Deadlines(clock);
    deadlines.add(100, () => passed.push('moved'));

    const moved = clock.standStill(100);
    await jest.advanceTimersByTimeAsync(0);
    await moved;

    expect(passed).toEqual(['moved']);
  });
});
