/** A value, and for how many milliseconds others share it. */
interface Reading<T> {
  readonly value: T;
  readonly sharedFor: number;
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
