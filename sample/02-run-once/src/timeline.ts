/** What happens in which replica, as a table that grows by one line an event. */
export class Timeline {
  readonly #start = Date.now();
  /** What is to be seen of a replica while others do something. */
  readonly #states: string[];

  constructor(replicas: number) {
    this.#states = Array.from({ length: replicas }, () => '');
  }

  get header(): string {
    return line(
      'seconds',
      this.#states.map((_, replica) => `replica ${replica + 1}`),
    );
  }

  /** `state`: what is to be seen of the replica from now on. */
  row(replica: number, event: string, state = this.#states[replica] ?? ''): string {
    const cells = this.#states.with(replica, event);
    this.#states[replica] = state;
    return line(((Date.now() - this.#start) / 1000).toFixed(2), cells);
  }
}

function line(first: string, cells: readonly string[]): string {
  return [first.padEnd(10), ...cells.map((cell) => cell.padEnd(13))].join('').trimEnd();
}
