import type { Pause } from '../common/pause.js';
import { isNothing, type Seen } from './wait-policy.js';

/** The calls of this process that wait for one lock, first come first. */
interface Queue {
  readonly places: LocalPlace[];
  /** What the first of them was told last. */
  seen: Seen;
}

/**
 * Lets the first of the calls that wait for a lock in this process ask the store, and the others wait for that call: a
 * thousand of them cost the store nothing.
 */
export class LocalQueues {
  readonly #queues = new Map<string, Queue>();

  /** Takes a place; `pause` is woken when it becomes the first. */
  enter(name: string, pause: Pause): LocalPlace {
    const queue = this.#queues.get(name) ?? { places: [], seen: {} };
    this.#queues.set(name, queue);
    const place = new LocalPlace(queue, pause, () => this.#queues.delete(name));
    queue.places.push(place);
    return place;
  }
}

/** A place in the queue of this process. */
export class LocalPlace {
  readonly #queue: Queue;
  readonly #pause: Pause;
  readonly #lastLeft: () => void;

  constructor(queue: Queue, pause: Pause, lastLeft: () => void) {
    this.#queue = queue;
    this.#pause = pause;
    this.#lastLeft = lastLeft;
  }

  get isFirst(): boolean {
    return this.#queue.places[0] === this;
  }

  get seen(): Seen {
    return this.#queue.seen;
  }

  /** Tells the calls behind it why they wait. What it learns after it has left is old. */
  set seen(seen: Seen) {
    if (!this.isFirst) return;
    const isFirstNews = isNothing(this.#queue.seen);
    this.#queue.seen = seen;
    // Until now they have waited for any answer, maybe for longer than their own time.
    if (isFirstNews) for (const place of this.#queue.places.slice(1)) place.#pause.wake();
  }

  leave(): void {
    const { places } = this.#queue;
    const wasFirst = this.isFirst;
    places.splice(places.indexOf(this), 1);
    if (places.length === 0) this.#lastLeft();
    else if (wasFirst) places[0].#pause.wake();
  }
}
