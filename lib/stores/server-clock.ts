import { performance } from 'node:perf_hooks';

/**
 * The clock of a server that tells it only now and then, and not to the millisecond. What a reply says was true at some
 * moment between the request and the reply, which bounds the difference between that clock and our own steady one. Each
 * reply can only narrow the bounds.
 *
 * Our own wall clock is taken as it is while it is within the bounds, and is moved into them otherwise. So a replica whose
 * clock is right has it to the millisecond, and one whose clock is wrong is corrected to the width of the bounds.
 */
export class ServerClock {
  readonly #wall: () => number;
  readonly #steady: () => number;
  /** Bounds of the server's clock minus our steady clock, in milliseconds. */
  #least = -Infinity;
  #most = Infinity;

  constructor(wall = () => Date.now(), steady = () => performance.now()) {
    this.#wall = wall;
    this.#steady = steady;
  }

  /** The steady clock that the moments of `learn` are read on. */
  steady(): number {
    return this.#steady();
  }

  /**
   * Learns that the server's clock said something from `earliest` to `latest`, in milliseconds since the epoch, at some
   * moment since `askedAt` on the steady clock.
   */
  learn(earliest: number, latest: number, askedAt: number): void {
    const least = earliest - this.#steady();
    const most = latest - askedAt;
    const contradicts = least > this.#most || most < this.#least;
    // One of the clocks was set, has drifted, or is that of another server: what was learned before is over.
    this.#least = contradicts ? least : Math.max(least, this.#least);
    this.#most = contradicts ? most : Math.min(most, this.#most);
  }

  /** Milliseconds since the epoch. Our own clock as long as the server has said nothing. */
  now(): number {
    const steady = this.#steady();
    return Math.min(Math.max(this.#wall(), steady + this.#least), steady + this.#most);
  }
}
