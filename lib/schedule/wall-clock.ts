/** A time zone of luxon, which cron depends on. */
export interface Zone {
  /** Minutes by which its clocks are ahead of UTC. */
  offset(moment: number): number;
}

const MINUTE = 60_000;
/** No zone is a day away from UTC, and none was ever put back by a day. No zone changes twice within two days. */
const DAY = 24 * 60 * MINUTE;

/** The clocks of a time zone. A reading is what they show, in milliseconds, as if it were UTC. */
export class WallClock {
  readonly #zone: Zone;

  constructor(zone: Zone) {
    this.#zone = zone;
  }

  reading(moment: number): number {
    return moment + this.offset(moment);
  }

  /** Milliseconds by which the clocks are ahead of UTC. */
  offset(moment: number): number {
    return this.#zone.offset(moment) * MINUTE;
  }

  /** The latest reading that the clocks have shown: later than the present one while they repeat an hour. */
  furthest(moment: number): number {
    const reading = this.reading(moment);
    const before = this.offset(moment - DAY);
    if (before <= reading - moment) return reading;
    return Math.max(reading, this.#change(moment - DAY, moment) + before - 1);
  }

  /** When the clocks go back within the next day; undefined if they do not. */
  nextRepetition(moment: number): number | undefined {
    return this.offset(moment + DAY) < this.offset(moment) ? this.#change(moment, moment + DAY) : undefined;
  }

  /**
   * The moments at which the clocks show a reading, in order: two if they go back over it. If they go forward over it,
   * the first moment after that.
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

  /** Given two moments with one change between them, the first moment of the later offset. */
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
