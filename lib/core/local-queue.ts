import type { Pause } from '../common/pause.js';
import { isNothing, type Seen } from './wait-policy.js';

/** The calls of this process that wait for one lock, in the order in which they came. */
interface Queue {
  readonly places: LocalPlace[];
  /** What the store replied last to the first of them. */
  seen: Seen;
}

/**
 * Queues the calls of this process that wait for the same lock. Only the first asks the store; a thousand calls behind
 * it cost the store nothing.
 */
export class LocalQueues {
  readonly #queues = new Map<string, Queue>();

  /** Joins the queue. `pause` is woken when the call becomes the first. */
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

  /** Tells the calls behind it why they wait. Ignored after it has left the queue, because it is out of date by then. */
  set seen(seen: Seen) {
    if (!this.isFirst) return;
    const isFirstNews = isNothing(this.#queue.seen);
    this.#queue.seen = seen;
    // They have waited for a first reply, perhaps for longer than their own time.
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
