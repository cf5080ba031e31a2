/** A value, and for how many milliseconds others share it. */
interface Reading<T> {
  readonly value: T;
  readonly sharedFor: number;
}

/** Readings take at most this share of the time, however much there is to read. */
const MOST_OF_THE_TIME = 0.05;
/** Milliseconds after which a reading is old news. One that had to wait for the store took long, too. */
const OLD_NEWS = 5000;

/** For how many milliseconds a reading should be shared that took so long. */
export function sharingTime(took: number): number {
  return Math.min(took / MOST_OF_THE_TIME, OLD_NEWS);
}

/** Shares one reading among callers that ask at about the same time. Only callers that wait for a failing one get its error. */
export class SharedReading<T> {
  readonly #read: () => Promise<Reading<T>>;
  #reading: Promise<Reading<T>> | undefined;
  #sharedUntil = Infinity;

  constructor(read: () => Promise<Reading<T>>) {
    this.#read = read;
  }

  async get(): Promise<T> {
    if (performance.now() >= this.#sharedUntil) this.forget();
    return (await (this.#reading ??= this.#begin())).value;
  }

  /** Later calls get a new reading. */
  forget(): void {
    this.#reading = undefined;
    this.#sharedUntil = Infinity;
  }

  #begin(): Promise<Reading<T>> {
    const reading = this.#read();
    const isCurrent = (): boolean => this.#reading === reading;
    reading.then(
      ({ sharedFor }) => {
        if (isCurrent()) this.#sharedUntil = performance.now() + sharedFor;
      },
      () => {
        if (isCurrent()) this.forget();
      },
    );
    return reading;
  }
}
