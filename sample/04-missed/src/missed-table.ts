/** One run, as its replica has told it. */
export interface Run {
  readonly replica: number;
  readonly tick: number;
  readonly missed: boolean;
  /** Milliseconds from the tick to the start. */
  readonly late: number;
}

/** A table of which replica ran which tick. It grows by one line a tick. */
export class MissedTable {
  readonly runs: Run[] = [];
  readonly #replicas: number;

  constructor(replicas: number) {
    this.#replicas = replicas;
  }

  get header(): string {
    return this.#line('tick', (replica) => `replica ${replica + 1}`);
  }

  /** @param wereDown whether no replica was up when the tick was due */
  row(tick: number, wereDown: boolean): string {
    const runs = this.of(tick);
    const idle = wereDown ? 'down' : '.';
    const line = this.#line(timeOf(tick), (replica) => {
      const own = runs.filter((run) => run.replica === replica);
      return own.map(describe).join(', ') || idle;
    });
    return line + (runs.length === 1 ? '' : `  <- ${runs.length} runs`);
  }

  of(tick: number): Run[] {
    return this.runs.filter((run) => run.tick === tick);
  }

  #line(first: string, cell: (replica: number) => string): string {
    const cells = Array.from({ length: this.#replicas }, (_, replica) => cell(replica).padEnd(20));
    return [first.padEnd(10), ...cells].join('').trimEnd();
  }
}

export function timeOf(tick: number): string {
  return new Date(tick).toISOString().slice(11, 19);
}

function describe({ missed, late }: Run): string {
  return missed ? `ran ${(late / 1000).toFixed(1)} s late` : 'ran';
}
