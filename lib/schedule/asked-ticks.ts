import { Injectable } from '@nestjs/common';

/** Which ticks this process has asked the store for, of the jobs whose missed ticks are caught up. */
@Injectable()
export class AskedTicks {
  /** The latest tick of each work, milliseconds since the epoch. */
  readonly #latest = new Map<string, number>();

  asks(work: string, tick: Date): void {
    this.#latest.set(work, Math.max(tick.getTime(), this.#latest.get(work) ?? -Infinity));
  }

  /** It was not decided, as the store is away or the job is paused: the tick is asked for again. */
  staysOpen(work: string, tick: Date): void {
    if (this.#latest.get(work) === tick.getTime()) this.#latest.delete(work);
  }

  has(work: string, tick: Date): boolean {
    return (this.#latest.get(work) ?? -Infinity) >= tick.getTime();
  }
}

/** Names what is asked for: a job, among those of one lock. */
export function workOf(name: string, job: string): string {
  return JSON.stringify([name, job]);
}
