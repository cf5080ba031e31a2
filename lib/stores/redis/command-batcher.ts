import { performance } from 'node:perf_hooks';
// Imported, since the fake timers of a test replace the global and would delay commands.
import { setImmediate } from 'node:timers';

type One<Request, Reply> = (request: Request, within: number) => Promise<Reply>;
/**
 * Returns the replies in the order of the requests. A reply may be a promise, so that a repeated request delays no
 * other.
 */
type Many<Request, Reply> = (
  requests: readonly Request[],
  within: number,
) => Promise<readonly (Reply | Promise<Reply>)[]>;

interface Pending<Request, Reply> {
  readonly request: Request;
  readonly resolve: (reply: Reply | Promise<Reply>) => void;
  readonly reject: (reason: unknown) => void;
}

/** The most requests in one command: it blocks the server for a millisecond at most. */
const MAX_BATCH = 100;

/**
 * Puts requests that are made together into one command. A request that is made while no command is under way is sent
 * at once and costs nothing extra. The server gets the requests in the order in which they were made. If thousands are
 * made together, such as the ticks of a full hour, the first are answered while the others are being written.
 */
export class CommandBatcher {
  readonly #isBusy: () => boolean;
  #collected: { readonly size: number; send(): void }[] = [];

  /** `isBusy`: whether a command is under way. */
  constructor(isBusy: () => boolean) {
    this.#isBusy = isBusy;
  }

  /** Returns a function that makes requests of one kind, alone with `one` or together with `many`. */
  batched<Request, Reply>(one: One<Request, Reply>, many: Many<Request, Reply>): One<Request, Reply> {
    let batch: Batch<Request, Reply> | undefined;
    return (request, within) => {
      if (this.#collected.length === 0) {
        if (!this.#isBusy()) return one(request, within);
        // Runs when all timers that are due and all input that is there have been dealt with. A tick of many jobs is a timer
        // for each, and process.nextTick() would run between two of them.
        setImmediate(() => this.#sendSome());
      }
      if (!batch || batch !== this.#collected.at(-1) || !batch.takes(within)) {
        batch = new Batch(one, many, within);
        this.#collected.push(batch);
      }
      return batch.add(request);
    };
  }

  /** Sends all collected requests now, so that the next command cannot overtake them. */
  flush(): void {
    if (this.#collected.length === 0) return;
    const batches = this.#collected;
    this.#collected = [];
    for (const batch of batches) batch.send();
  }

  /** Sends about one full batch, and the rest after the event loop has had a chance to read replies. */
  #sendSome(): void {
    for (let sent = 0; sent < MAX_BATCH && this.#collected.length > 0;) {
      const [batch] = this.#collected.splice(0, 1);
      sent += batch.size;
      batch.send();
    }
    if (this.#collected.length > 0) setImmediate(() => this.#sendSome());
  }
}

/** Consecutive requests of one kind. */
class Batch<Request, Reply> {
  readonly #one: One<Request, Reply>;
  readonly #many: Many<Request, Reply>;
  readonly #within: number;
  readonly #since = performance.now();
  readonly #pending: Pending<Request, Reply>[] = [];

  constructor(one: One<Request, Reply>, many: Many<Request, Reply>, within: number) {
    this.#one = one;
    this.#many = many;
    this.#within = within;
  }

  get size(): number {
    return this.#pending.length;
  }

  /** Whether a request with this time limit can join: a command has one limit. */
  takes(within: number): boolean {
    return this.#within === within && this.#pending.length < MAX_BATCH;
  }

  add(request: Request): Promise<Reply> {
    return new Promise((resolve, reject) => this.#pending.push({ request, resolve, reject }));
  }

  send(): void {
    this.#ask().then(
      (replies) => this.#pending.forEach(({ resolve }, i) => resolve(replies[i])),
      (error: unknown) => this.#pending.forEach(({ reject }) => reject(error)),
    );
  }

  async #ask(): Promise<readonly (Reply | Promise<Reply>)[]> {
    const requests = this.#pending.map(({ request }) => request);
    const within = this.#within - (performance.now() - this.#since);
    if (requests.length > 1) return this.#many(requests, within);
    return [await this.#one(requests[0], within)];
  }
}
