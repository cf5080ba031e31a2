import { ServerClock } from '../../../lib/stores/server-clock.js';

const SERVER = 1_800_000_000_000;

describe('the clock of a server that tells it in whole seconds', () => {
  let steady: number;
  let wall: number;
  let clock: ServerClock;

  beforeEach(() => {
    [steady, wall] = [5000, SERVER];
    clock = new ServerClock(
      () => wall,
      () => steady,
    );
  });

  /** The server's clock is `ms` when the reply comes, `took` after it was asked for. */
  function hear(ms: number, took = 0): void {
    const second = Math.floor(ms / 1000) * 1000;
    clock.learn(second, second + 1000, steady - took);
  }

  it('is our own before the server has said anything', () => {
    expect(clock.now()).toBe(SERVER);
  });

  it('is our own to the millisecond while that may be right', () => {
    wall = SERVER + 321;
    hear(SERVER + 300);
    expect(clock.now()).toBe(SERVER + 321);
  });

  it('is corrected to a second if our own is ahead', () => {
    wall = SERVER + 3_600_000;
    hear(SERVER + 300);
    expect(clock.now()).toBe(SERVER + 1000);
  });

  it('is corrected to a second if our own is behind', () => {
    wall = SERVER - 3_600_000;
    hear(SERVER + 300);
    expect(clock.now()).toBe(SERVER);
  });

  it('goes on with the steady clock, whatever our own does', () => {
    hear(SERVER);
    steady += 10_000;
    wall = SERVER - 3_600_000;
    expect(clock.now()).toBe(SERVER + 10_000);
    wall = SERVER + 3_600_000;
    expect(clock.now()).toBe(SERVER + 11_000);
  });

  it('becomes more exact with each reply', () => {
    wall = SERVER + 3_600_000;
    hear(SERVER + 300);
    steady += 720;
    hear(SERVER + 1020);
    // The first reply came before the second was over, and the second reply after the next had begun.
    steady += 1000;
    hear(SERVER + 2020);
    expect(clock.now()).toBe(SERVER + 2720);
    wall = 0;
    expect(clock.now()).toBe(SERVER + 2000);
  });

  it('allows for the time that a reply was on its way', () => {
    wall = SERVER + 3_600_000;
    hear(SERVER + 300, 40);
    expect(clock.now()).toBe(SERVER + 1040);
  });

  it('is that of the last reply if the server has another than before', () => {
    hear(SERVER);
    wall = SERVER + 600_000;
    hear(SERVER + 600_000);
    expect(clock.now()).toBe(SERVER + 600_000);
    hear(SERVER);
    expect(clock.now()).toBe(SERVER + 1000);
  });
});
