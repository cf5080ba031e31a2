import { Injectable } from '@nestjs/common';

/** The ticks that this process has asked the store for, of jobs with the option `missed`. */
@Injectable()
export class AskedTicks {
  /** The latest tick of each job, in milliseconds since the epoch. */
  readonly #latest = new Map<string, number>();

  asks(work: string, tick: Date): void {
    this.#latest.set(work, Math.max(tick.getTime(), this.#latest.get(work) ?? -Infinity));
  }

  /** The store did not decide about the tick, because it is away or the job is paused. The tick is asked for again. */
  staysOpen(work: string, tick: Date): void {
    if (this.#latest.get(work) === tick.getTime()) this.#latest.delete(work);
  }

  has(work: string, tick: Date): boolean {
    return (this.#latest.get(work) ?? -Infinity) >= tick.getTime();
  }
}

/** Identifies a job among those of one lock. */
export function workOf(name: string, job: string): string {
  return JSON.stringify([name, job]);
}
