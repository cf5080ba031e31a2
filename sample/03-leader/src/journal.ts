import { appendFileSync, readFileSync } from 'node:fs';

/**
 * Where the feed has been consumed up to: one line an item. Appending a line is both the work and the record of it, so a
 * leader that is killed leaves nothing half done. Two leaders at a time would write some items twice.
 */
export class Journal {
  readonly #file: string;

  constructor(file = process.env['JOURNAL'] ?? 'journal') {
    this.#file = file;
  }

  /** Consumes the next item of the feed. */
  consumeNext(): number {
    const item = this.items().length + 1;
    appendFileSync(this.#file, `${item}\n`);
    return item;
  }

  items(): number[] {
    try {
      return readFileSync(this.#file, 'utf8').split('\n').filter(Boolean).map(Number);
    } catch {
      return []; // not written yet
    }
  }
}
