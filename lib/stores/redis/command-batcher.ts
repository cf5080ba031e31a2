import { performance } from 'node:perf_hooks';
// By name: fake timers of a test replace the globals, and would keep the commands back.
import process from 'node:process';
import { setImmediate } from 'node:timers';

const nextTick = process.nextTick.bind(process);

type One<Request, Reply> = (request: Request, within: number) => Promise<Reply>;
/** Replies in the order of the requests. One that is a promise, as of a request that is made again, holds up no other. */
type Many<Request, Reply> = (
  requests: readonly Request[],
  within: number,
) => Promise<readonly (Reply | Promise<Reply>)[]>;

interface Pending<Request, Reply> {
  readonly request: Request;
  readonly resolve: (reply: Reply | Promise<Reply>) => void;
  readonly reject: (reason: unknown) => void;
}

/** Requests in one command: at most a millisecond of the server's time, in which it answers nobody else. */
const MAX_BATCH = 100;

/**
 * Puts requests that are made together into one command. A request that is made while nothing is under way goes at once,
 * and pays nothing. All come to the server in the order in which they were made. Of thousands that are made together, such
 * as the ticks of a full hour, the first are answered while the others are being written.
 */
export class CommandBatcher {
  readonly #isBusy: () => boolean;
  #collected: { readonly size: number; send(): void }[] = [];

  /** `isBusy`: whether anything is under way to the server. */
  constructor(isBusy: () => boolean) {
    this.#isBusy = isBusy;
  }

  /** Requests of one kind, which can be made one by one or many with one command. */
  batched<Request, Reply>(one: One<Request, Reply>, many: Many<Request, Reply>): One<Request, Reply> {
    let batch: Batch<Request, Reply> | undefined;
    return (request, within) => {
      if (this.#collected.length === 0) {
        if (!this.#isBusy()) return one(request, within);
        // When the code that runs now, and what its promises have to do, has run; before anything else is read.
        nextTick(() => this.#sendSome());
      }
      if (!batch || batch !== this.#collected.at(-1) || !batch.takes(within)) {
        batch = new Batch(one, many, within);
        this.#collected.push(batch);
      }
      return batch.add(request);
    };
  }

  /** Sends what was collected, so that a command that is sent next comes after it. */
  flush(): void {
    if (this.#collected.length === 0) return;
    const batches = this.#collected;
    this.#collected = [];
    for (const batch of batches) batch.send();
  }

  /** Sends as much as takes a moment to write, and the rest once replies could be read. */
  #sendSome(): void {
    for (let sent = 0; sent < MAX_BATCH && this.#collected.length > 0;) {
      const [batch] = this.#collected.splice(0, 1);
      sent += batch.size;
      batch.send();
    }
    if (this.#collected.length > 0) setImmediate(() => this.#sendSome());
  }
}

/** Requests of one kind that were made one after the other. */
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

  /** Whether one more can go along that has this time: a command has one. */
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
