/** A zone of luxon, which cron brings with it. */
export interface Zone {
  /** Minutes that its clocks are ahead of UTC. */
  offset(moment: number): number;
}

const MINUTE = 60_000;
/** No zone is as far from UTC, nor were the clocks of any ever put back by as much. None changes twice within two. */
const DAY = 24 * 60 * MINUTE;

/** What the clocks of a zone show. A reading is in milliseconds, as though it were UTC. */
export class WallClock {
  readonly #zone: Zone;

  constructor(zone: Zone) {
    this.#zone = zone;
  }

  reading(moment: number): number {
    return moment + this.offset(moment);
  }

  /** Milliseconds that the clocks are ahead of UTC. */
  offset(moment: number): number {
    return this.#zone.offset(moment) * MINUTE;
  }

  /** The furthest that the clocks have come: ahead of the reading as long as they repeat what they have shown. */
  furthest(moment: number): number {
    const reading = this.reading(moment);
    const before = this.offset(moment - DAY);
    if (before <= reading - moment) return reading;
    return Math.max(reading, this.#change(moment - DAY, moment) + before - 1);
  }

  /** When the clocks are put back within a day. */
  nextRepetition(moment: number): number | undefined {
    return this.offset(moment + DAY) < this.offset(moment) ? this.#change(moment, moment + DAY) : undefined;
  }

  /**
   * When the clocks show it, in order: twice where they were put back over it. Where they were put forward over it, the
   * first moment after that.
   */
  moments(reading: number): readonly [number, ...number[]] {
    const before = this.offset(reading - DAY);
    const after = this.offset(reading + DAY);
    if (before === after) return [reading - before];
    const [first, second] = [reading - before, reading - after].filter(
      (moment) => this.reading(moment) === reading,
    );
    if (first === undefined) return [this.#change(reading - DAY, reading + DAY)];
    return second === undefined ? [first] : [first, second];
  }

  /** The first moment of the other offset, of two moments with one change between them. */
  #change(from: number, to: number): number {
    const before = this.offset(from);
    let [last, first] = [from, to];
    while (first - last > 1) {
      const middle = Math.floor((first + last) / 2);
      if (this.offset(middle) === before) last = middle;
      else first = middle;
    }
    return first;
  }
}
