/** The fields of an expression, as cron parsed them. Structural, because cron comes with the user's @nestjs/schedule. */
export interface CronFields {
  readonly second: Field;
  readonly minute: Field;
  readonly hour: Field;
  readonly dayOfMonth: Field;
  /** 1 is January. */
  readonly month: Field;
  /** 0 is Sunday. */
  readonly dayOfWeek: Field;
}

/** Its keys are the values that the expression allows. */
type Field = object;

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const SECONDS_A_DAY = 86_400;
/** Days. 29 February can be eight years away. */
const LONGEST_SEARCH = 3000;

/**
 * The times that an expression names, as a clock on the wall shows them. A reading is in milliseconds, as if it were
 * UTC.
 */
export class WallTimes {
  /** Whether it runs in both hours when an hour comes twice: a pattern of every hour or of every minute. */
  readonly recurring: boolean;
  readonly #fields: CronFields;
  readonly #allDaysOfMonth: boolean;
  readonly #allDaysOfWeek: boolean;

  constructor(fields: CronFields) {
    this.#fields = fields;
    this.recurring = size(fields.hour) === 24 || size(fields.minute) === 60;
    this.#allDaysOfMonth = size(fields.dayOfMonth) === 31;
    this.#allDaysOfWeek = size(fields.dayOfWeek) === 7;
  }

  includes(reading: number): boolean {
    return this.last(reading) === Math.floor(reading / SECOND) * SECOND;
  }

  /** The last time that is not later than the reading. */
  last(reading: number): number | undefined {
    const today = Math.floor(reading / DAY);
    for (let day = today; day > today - LONGEST_SEARCH; day--) {
      if (!this.#isOn(day)) continue;
      const latest = day === today ? Math.floor((reading - day * DAY) / SECOND) : SECONDS_A_DAY - 1;
      const time = this.#lastOfDay(latest);
      if (time !== undefined) return day * DAY + time * SECOND;
    }
    return undefined;
  }

  /** The first time that is later than the reading. */
  next(reading: number): number | undefined {
    const today = Math.floor(reading / DAY);
    for (let day = today; day < today + LONGEST_SEARCH; day++) {
      if (!this.#isOn(day)) continue;
      const earliest = day === today ? Math.floor((reading - day * DAY) / SECOND) + 1 : 0;
      const time = this.#firstOfDay(earliest);
      if (time !== undefined) return day * DAY + time * SECOND;
    }
    return undefined;
  }

  /** As in every cron: if both the day of the month and the day of the week are restricted, either is enough. */
  #isOn(day: number): boolean {
    const { dayOfMonth, month, dayOfWeek } = this.#fields;
    const date = new Date(day * DAY);
    if (!(date.getUTCMonth() + 1 in month)) return false;
    const onDayOfMonth = date.getUTCDate() in dayOfMonth;
    const onDayOfWeek = date.getUTCDay() in dayOfWeek;
    if (this.#allDaysOfMonth || this.#allDaysOfWeek) return onDayOfMonth && onDayOfWeek;
    return onDayOfMonth || onDayOfWeek;
  }

  /**
   * The last named second of a day that is not later. If a field does not match, the search continues at the last
   * second before it.
   */
  #lastOfDay(latest: number): number | undefined {
    for (let time = latest; time >= 0;) {
      const { hour, minute, second } = split(time);
      if (!(hour in this.#fields.hour)) time = hour * 3600 - 1;
      else if (!(minute in this.#fields.minute)) time = hour * 3600 + minute * 60 - 1;
      else if (!(second in this.#fields.second)) time--;
      else return time;
    }
    return undefined;
  }

  #firstOfDay(earliest: number): number | undefined {
    for (let time = earliest; time < SECONDS_A_DAY;) {
      const { hour, minute, second } = split(time);
      if (!(hour in this.#fields.hour)) time = (hour + 1) * 3600;
      else if (!(minute in this.#fields.minute)) time = hour * 3600 + (minute + 1) * 60;
      else if (!(second in this.#fields.second)) time++;
      else return time;
    }
    return undefined;
  }
}

function split(time: number): { hour: number; minute: number; second: number } {
  return { hour: Math.floor(time / 3600), minute: Math.floor(time / 60) % 60, second: time % 60 };
}

const size = (field: Field): number => Object.keys(field).length;
