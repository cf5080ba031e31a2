/** A table of which replica ran which tick. It grows by one line a tick. */
export class TickTable {
  readonly #replicas: number;
  readonly #runs = new Map<number, string[]>();
  readonly #dead = new Set<number>();

  constructor(replicas: number) {
    this.#replicas = replicas;
  }

  ran(tick: number, replica: number, killed: boolean): void {
    const runs = this.#runs.get(tick) ?? [];
    runs.push(`${replica}${killed ? ' killed' : ''}`);
    this.#runs.set(tick, runs);
    if (killed) this.#dead.add(replica);
  }

  get header(): string {
    return this.#line('tick', (replica) => `replica ${replica + 1}`);
  }

  row(tick: number): string {
    const runs = this.#runs.get(tick) ?? [];
    const time = new Date(tick).toISOString().slice(11, 19);
    const line = this.#line(time, (replica) => {
      if (runs.includes(`${replica} killed`)) return 'ran, killed';
      const times = runs.filter((run) => run === String(replica)).length;
      return times > 0 ? 'ran'.padEnd(3 + times - 1, '!') : this.#dead.has(replica) ? '' : '.';
    });
    return line + (runs.length === 1 ? '' : `  <- ${runs.length} runs`);
  }

  summary(ticks: readonly number[]): { runs: number; duplicates: number; missed: number } {
    const counts = ticks.map((tick) => this.#runs.get(tick)?.length ?? 0);
    return {
      runs: counts.reduce((sum, count) => sum + count, 0),
      duplicates: counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
      missed: counts.filter((count) => count === 0).length,
    };
  }

  #line(first: string, cell: (replica: number) => string): string {
    const cells = Array.from({ length: this.#replicas }, (_, replica) => cell(replica).padEnd(13));
    return [first.padEnd(10), ...cells].join('').trimEnd();
  }
}
