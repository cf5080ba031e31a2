/** The two ways to ask questions of one kind. */
interface Kind<Request, Reply> {
  askOne(request: Request, within: number): Promise<Reply>;
  /** With one command; the replies are in the order of the requests. */
  askMany(requests: readonly Request[], within: number): Promise<readonly (Reply | Promise<Reply>)[]>;
}

interface Question<Request, Reply> {
  readonly request: Request;
  readonly resolve: (reply: Reply | Promise<Reply>) => void;
  readonly reject: (reason: unknown) => void;
}

/** Questions in one command: about 0.3 ms of the server's time, in which it answers nobody else. */
const MOST = 100;

/**
 * Asks with one command what is asked one after the other in one turn of the event loop. A question that comes while
 * nothing is under way goes at once, and pays nothing. All come to the server in the order in which they were asked.
 */
export class TurnBatches {
  readonly #isBusy: () => boolean;
  #waiting: { send(): void }[] = [];

  /** `isBusy`: whether anything is under way to the server. */
  constructor(isBusy: () => boolean) {
    this.#isBusy = isBusy;
  }

  /** Makes the function that asks questions of this kind. */
  kind<Request, Reply>(kind: Kind<Request, Reply>): Kind<Request, Reply>['askOne'] {
    let batch: Batch<Request, Reply> | undefined;
    return (request, within) => {
      if (this.#waiting.length === 0) {
        if (!this.#isBusy()) return kind.askOne(request, within);
        // Runs when all that this turn has to do is done.
        process.nextTick(() => this.send());
      }
      if (!batch || batch !== this.#waiting.at(-1) || !batch.takes(within)) {
        batch = new Batch(kind, within);
        this.#waiting.push(batch);
      }
      return batch.add(request);
    };
  }

  /** Does not wait for the end of the turn: what is sent next is to come to the server after it. */
  send(): void {
    const batches = this.#waiting;
    this.#waiting = [];
    for (const batch of batches) batch.send();
  }
}

/** Questions that were asked one after the other. */
class Batch<Request, Reply> {
  readonly #kind: Kind<Request, Reply>;
  readonly #within: number;
  readonly #questions: Question<Request, Reply>[] = [];

  constructor(kind: Kind<Request, Reply>, within: number) {
    this.#kind = kind;
    this.#within = within;
  }

  /** Whether one more can go along that has this time: a command has one. */
  takes(within: number): boolean {
    return this.#within === within && this.#questions.length < MOST;
  }

  add(request: Request): Promise<Reply> {
    return new Promise((resolve, reject) => this.#questions.push({ request, resolve, reject }));
  }

  send(): void {
    this.#ask().then(
      (replies) => this.#questions.forEach(({ resolve }, i) => resolve(replies[i])),
      (error: unknown) => this.#questions.forEach(({ reject }) => reject(error)),
    );
  }

  async #ask(): Promise<readonly (Reply | Promise<Reply>)[]> {
    const requests = this.#questions.map(({ request }) => request);
    if (requests.length > 1) return this.#kind.askMany(requests, this.#within);
    return [await this.#kind.askOne(requests[0], this.#within)];
  }
}
