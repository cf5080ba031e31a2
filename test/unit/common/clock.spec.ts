import { SteadyClock, type RawClocks } from '../../../lib/common/clock.js';

const SECOND = 1000;
const HOUR = 3_600_000;
/** What the coarseness of the uptime may cost at a suspend. */
const COARSENESS = 10;

describe('the steady clock', () => {
  it('advances with the monotonic clock', () => {
    const { machine, clock, start } = startClock();

    for (const ms of [0, 0.25, 10, 5 * SECOND, HOUR]) {
      machine.run(ms);
      expect(clock.now() - start).toBe(machine.running);
    }
  });

  it.each([
    ['forward', HOUR],
    ['back', -HOUR],
    ['forward by a moment', 20],
    ['back by a moment', -20],
  ])('does not follow a wall clock that is set %s', (_, step) => {
    const { machine, clock, start } = startClock();

    machine.setWall(step);
    expect(clock.now() - start).toBe(0);
    machine.run(10 * SECOND);

    expect(clock.now() - start).toBe(10 * SECOND);
  });

  it.each([
    ['forward', HOUR],
    ['back', -HOUR],
  ])('counts a pause of the process correctly if the wall clock is set %s in it', (_, step) => {
    const { machine, clock, start } = startClock();

    machine.run(20 * SECOND);
    machine.setWall(step);
    machine.run(20 * SECOND);

    expect(clock.now() - start).toBe(40 * SECOND);
  });

  it('counts the time for which the machine was suspended', () => {
    const { machine, clock, start } = startClock();
    machine.run(SECOND);

    machine.suspend(30 * SECOND);

    expectNear(clock.now() - start, 31 * SECOND);
    machine.run(SECOND);
    expectNear(clock.now() - start, 32 * SECOND);
  });

  it.each([HOUR, -HOUR, 10 * SECOND, -10 * SECOND, -31 * SECOND, -29 * SECOND])(
    'counts a suspend of 30 s even if the wall clock is set by %i ms in it',
    (step) => {
      const { machine, clock, start } = startClock();

      machine.suspend(30 * SECOND);
      machine.setWall(step);

      expectNear(clock.now() - start, 30 * SECOND);
    },
  );

  it('counts each of several suspends once, without adding up their errors', () => {
    const { machine, clock, start } = startClock();

    for (let i = 1; i <= 50; i++) {
      machine.run(333.3);
      machine.suspend(777.7);
      expectNear(clock.now() - start, i * (333.3 + 777.7));
    }
  });

  it.each([
    ['fast', 500],
    ['slow', -500],
  ])('is not affected by a wall clock that is 500 ppm too %s', (_, ppm) => {
    const { machine, clock, start } = startClock();

    for (let i = 0; i < 10_000; i++) {
      machine.run(SECOND);
      machine.setWall((SECOND * ppm) / 1e6);
      expect(clock.now() - start).toBe(machine.running);
    }
  });

  it('does not take the coarse resolution of the uptime for a suspend', () => {
    const { machine, clock, start } = startClock();

    for (let i = 0; i < 1000; i++) {
      machine.run(7.3);
      machine.setWall(i % 2 ? HOUR : -HOUR);
      expect(clock.now() - start).toBe(machine.running);
    }
  });

  it('never goes back, whatever the other clocks do', () => {
    const { machine, clock } = startClock();
    const events = [
      () => machine.setWall(-HOUR),
      () => machine.suspend(500),
      () => machine.setWall(2 * HOUR),
      () => machine.run(3),
      () => machine.suspend(55),
    ];

    let last = clock.now();
    for (let i = 0; i < 500; i++) {
      events[i % events.length]();
      const now = clock.now();
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
  });

  it('reads the uptime only if wall and monotonic clock have moved apart', () => {
    const { machine, clock } = startClock();
    machine.uptimeReads = 0;

    for (let i = 0; i < 100; i++) {
      machine.run(SECOND);
      clock.now();
    }
    expect(machine.uptimeReads).toBe(0);

    machine.setWall(HOUR);
    for (let i = 0; i < 100; i++) clock.now();
    expect(machine.uptimeReads).toBe(1);
  });

  it('uses the clocks of this machine by default', () => {
    const clock = new SteadyClock();
    const [first, before] = [clock.now(), performance.now()];

    while (performance.now() - before < 2);

    expect(clock.now() - first).toBeGreaterThanOrEqual(2);
    expect(clock.now() - first).toBeLessThan(5000);
  });
});

/** A machine whose clocks behave as those of a real one do. */
class Machine implements RawClocks {
  running = 0;
  uptimeReads = 0;
  #suspended = 0;
  #wallSteps = Date.UTC(2026, 0, 1);

  run(ms: number): void {
    this.running += ms;
  }

  suspend(ms: number): void {
    this.#suspended += ms;
  }

  setWall(step: number): void {
    this.#wallSteps += step;
  }

  monotonic(): number {
    return this.running;
  }

  wall(): number {
    return Math.floor(this.#wallSteps + this.running + this.#suspended);
  }

  uptime(): number {
    this.uptimeReads++;
    const bootedBefore = 86_400_004;
    return Math.floor((bootedBefore + this.running + this.#suspended) / COARSENESS) * COARSENESS;
  }
}

function startClock(): { machine: Machine; clock: SteadyClock; start: number } {
  const machine = new Machine();
  const clock = new SteadyClock(machine);
  return { machine, clock, start: clock.now() };
}

function expectNear(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(COARSENESS);
}
