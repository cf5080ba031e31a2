import type { Pause } from '../common/pause.js';
import { isNothing, type Seen } from './waiting.js';

/** Those of this process who wait for one lock, first come first. */
interface Line {
  readonly places: LocalPlace[];
  /** What the first of them was told last. */
  seen: Seen;
}

/**
 * Lets the first of those who wait for a lock in this process ask the store, and the others wait for that: a thousand of
 * them cost the store nothing.
 */
export class LocalLines {
  readonly #lines = new Map<string, Line>();

  /** Takes a place; `pause` is woken when it becomes the first. */
  enter(name: string, pause: Pause): LocalPlace {
    const line = this.#lines.get(name) ?? { places: [], seen: {} };
    this.#lines.set(name, line);
    const place = new LocalPlace(line, pause, () => this.#lines.delete(name));
    line.places.push(place);
    return place;
  }
}

/** A place in the line of this process. */
export class LocalPlace {
  readonly #line: Line;
  readonly #pause: Pause;
  readonly #lastLeft: () => void;

  constructor(line: Line, pause: Pause, lastLeft: () => void) {
    this.#line = line;
    this.#pause = pause;
    this.#lastLeft = lastLeft;
  }

  get isFirst(): boolean {
    return this.#line.places[0] === this;
  }

  get seen(): Seen {
    return this.#line.seen;
  }

  /** Tells those behind it why they wait. What it learns when it has left is old. */
  set seen(seen: Seen) {
    if (!this.isFirst) return;
    const isFirstNews = isNothing(this.#line.seen);
    this.#line.seen = seen;
    // Until now they have waited for any answer, for longer than their own time maybe.
    if (isFirstNews) for (const place of this.#line.places.slice(1)) place.#pause.wake();
  }

  leave(): void {
    const { places } = this.#line;
    const wasFirst = this.isFirst;
    places.splice(places.indexOf(this), 1);
    if (places.length === 0) this.#lastLeft();
    else if (wasFirst) places[0].#pause.wake();
  }
}
