/** A table of what happens in which replica. It grows by one line an event. */
export class Timeline {
  readonly #start = Date.now();
  /** What the table shows for a replica in the lines of other replicas. */
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

  /** `state` is what later lines of other replicas show for this one. */
  row(replica: number, event: string, state = this.#states[replica] ?? ''): string {
    const cells = this.#states.with(replica, event);
    this.#states[replica] = state;
    return line(((Date.now() - this.#start) / 1000).toFixed(2), cells);
  }
}

function line(first: string, cells: readonly string[]): string {
  return [first.padEnd(10), ...cells.map((cell) => cell.padEnd(13))].join('').trimEnd();
}
