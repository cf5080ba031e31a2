import type { Socket } from 'node:net';

/** What a proxy does at the moment with the bytes of one direction. */
export interface Traffic {
  /** Milliseconds that bytes take. */
  delay: number;
  held: boolean;
  dropped: boolean;
}

/** Null stands for the end of the stream. */
interface Parcel {
  readonly bytes: Buffer | null;
  readonly due: number;
}

/** One direction of one proxied connection: bytes arrive from `source`, wait in order, and go to `target`. */
export class ProxiedStream {
  /** Whether bytes were thrown away. TCP never delivers a stream with a hole, so it must not go on. */
  hasHole = false;
  readonly #target: Socket;
  readonly #traffic: Traffic;
  readonly #waiting: Parcel[] = [];
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(source: Socket, target: Socket, traffic: Traffic, onBytes: (bytes: Buffer) => void) {
    this.#target = target;
    this.#traffic = traffic;
    source.on('data', (bytes: Buffer) => {
      this.#accept(bytes);
      onBytes(bytes);
    });
    // A connection that breaks closes without an end.
    source.once('end', () => this.#end());
    source.once('close', () => this.#end());
    target.once('close', () => this.#clear());
  }

  /** Delivers what is due, in order; to be called when the traffic's state has changed. */
  deliver(): void {
    clearTimeout(this.#timer);
    for (let next = this.#waiting[0]; next && !this.#traffic.held; next = this.#waiting[0]) {
      const early = next.due - performance.now();
      if (early > 0) {
        this.#timer = setTimeout(() => this.deliver(), Math.ceil(early));
        return;
      }
      this.#waiting.shift();
      if (next.bytes) this.#target.write(next.bytes);
      else this.#target.end();
    }
  }

  /** Makes everything that waits due now. */
  hurry(): void {
    this.#waiting.splice(0, Infinity, ...this.#waiting.map(({ bytes }) => ({ bytes, due: 0 })));
    this.deliver();
  }

  #accept(bytes: Buffer | null): void {
    if (this.#traffic.dropped) {
      this.hasHole = true;
      return;
    }
    this.#waiting.push({ bytes, due: performance.now() + this.#traffic.delay });
    this.deliver();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#accept(null);
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }
}
