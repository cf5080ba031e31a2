// By name: fake timers of a test replace that of the global process, and would keep the commands back.
import process from 'node:process';

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

/** Requests in one command: about 0.3 ms of the server's time, in which it answers nobody else. */
const MAX_BATCH = 100;

/**
 * Puts requests that are made together into one command. A request that is made while nothing is under way goes at once,
 * and pays nothing. All come to the server in the order in which they were made.
 */
export class CommandBatcher {
  readonly #isBusy: () => boolean;
  #collected: { send(): void }[] = [];

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
        nextTick(() => this.flush());
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
}

/** Requests of one kind that were made one after the other. */
class Batch<Request, Reply> {
  readonly #one: One<Request, Reply>;
  readonly #many: Many<Request, Reply>;
  readonly #within: number;
  readonly #pending: Pending<Request, Reply>[] = [];

  constructor(one: One<Request, Reply>, many: Many<Request, Reply>, within: number) {
    this.#one = one;
    this.#many = many;
    this.#within = within;
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
    if (requests.length > 1) return this.#many(requests, this.#within);
    return [await this.#one(requests[0], this.#within)];
  }
}
