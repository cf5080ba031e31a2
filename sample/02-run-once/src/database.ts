import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { Injectable } from '@nestjs/common';

/** The database that all replicas share: the file DATABASE, with one line for each step that was applied. */
@Injectable()
export class Database {
  readonly #file = process.env['DATABASE'] ?? '';

  steps(): string[] {
    return existsSync(this.#file) ? readFileSync(this.#file, 'utf8').trimEnd().split('\n') : [];
  }

  /** A real database applies a step and records it in one transaction. */
  apply(step: string): void {
    appendFileSync(this.#file, `${step}\n`);
  }
}
