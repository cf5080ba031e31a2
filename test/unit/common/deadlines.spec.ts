import { jest } from '@jest/globals';
import { performance } from 'node:perf_hooks';
import { Deadlines } from '../../../lib/common/deadlines.js';

let deadlines: Deadlines;
let passed: string[];

const add = (name: string, ms: number) => deadlines.add(performance.now() + ms, () => passed.push(name));

beforeEach(() => {
  jest.useFakeTimers();
  // The fake timers move Date, but not what node:perf_hooks exports.
  jest.spyOn(performance, 'now').mockImplementation(() => Date.now());
  deadlines = new Deadlines({ now: () => performance.now() });
  passed = [];
});

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe('deadlines', () => {
  it('pass each at its own time, whatever the order in which they came', () => {
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

  it('do not pass when they were cancelled', () => {
    const cancelled = add('cancelled', 100);
    add('kept', 100);
    deadlines.cancel(cancelled);

    jest.advanceTimersByTime(200);

    expect(passed).toEqual(['kept']);
  });

  it('pass once, and again for what comes after a pause', () => {
    add('first', 10);
    jest.advanceTimersByTime(1000);
    add('second', 10);
    jest.advanceTimersByTime(1000);

    expect(passed).toEqual(['first', 'second']);
  });

  it('may be added by one that passes', () => {
    deadlines.add(performance.now() + 10, () => add('next', 10));
    jest.advanceTimersByTime(30);

    expect(passed).toEqual(['next']);
  });

  it('share one timer, which does not keep the process alive and ends when there is nothing left', () => {
    const timer = jest.spyOn(globalThis, 'setTimeout');
    for (let i = 0; i < 1000; i++) deadlines.cancel(add('met', 100));

    expect(timer).toHaveBeenCalledTimes(1);
    expect((timer.mock.results[0].value as NodeJS.Timeout).hasRef()).toBe(false);
    jest.advanceTimersByTime(200);
    expect(jest.getTimerCount()).toBe(0);
  });
});
