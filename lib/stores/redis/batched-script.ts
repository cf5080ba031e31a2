import { performance } from 'node:perf_hooks';
import type { LockStoreError } from '../../common/errors.js';
import type { CommandBatcher } from './command-batcher.js';
import type { Argument, RedisConnection, Script, ScriptReply } from './redis-connection.js';
import { isOfOneLock } from './redis-errors.js';

/** Writes requests of one kind for their script, and reads its replies. */
interface ScriptFormat<Request, Reply> {
  /** Adds the keys and arguments of the request. */
  write(request: Request, keys: string[], args: Argument[]): void;
  /** `retried`: an earlier attempt may have run. */
  reply(request: Request, value: unknown, retried: boolean): Reply;
  failed?(request: Request, error: LockStoreError): void;
}

/** A script that decides any number of requests in one call. No request affects the reply to another. */
export class BatchedScript<Request, Reply> {
  readonly #connection: RedisConnection;
  readonly #batcher: CommandBatcher;
  readonly #script: Script;
  readonly #format: ScriptFormat<Request, Reply>;
  readonly #batched: (request: Request, within: number) => Promise<Reply>;

  constructor(
    connection: RedisConnection,
    batcher: CommandBatcher,
    script: Script,
    format: ScriptFormat<Request, Reply>,
  ) {
    this.#connection = connection;
    this.#batcher = batcher;
    this.#script = script;
    this.#format = format;
    this.#batched = batcher.batched(
      (request, within) => this.#alone(request, within),
      (requests, within) => this.#together(requests, within),
    );
  }

  /** Requests that are made at the same time share one command. */
  ask(request: Request, within: number): Promise<Reply> {
    if (!this.#connection.oneSlotOnly) return this.#batched(request, within);
    // Requests may have been collected before the server refused commands with several slots.
    this.#batcher.flush();
    return this.#alone(request, within);
  }

  /** `mayHaveRun`: whether an earlier command may have carried out the request. */
  #alone(request: Request, within: number, mayHaveRun = false): Promise<Reply> {
    return this.#run([request], within, mayHaveRun).then(
      ({ value, retried }) => this.#format.reply(request, (value as unknown[])[0], retried),
      (error: LockStoreError) => {
        this.#format.failed?.(request, error);
        throw error;
      },
    );
  }

  async #together(requests: readonly Request[], within: number): Promise<(Reply | Promise<Reply>)[]> {
    const deadline = performance.now() + within;
    const again = (request: Request, mayHaveRun: boolean): Promise<Reply> =>
      this.#alone(request, deadline - performance.now(), mayHaveRun);
    try {
      const { value, retried } = await this.#run(requests, within);
      return (value as unknown[]).map((reply, i) =>
        reply === null ? again(requests[i], retried) : this.#format.reply(requests[i], reply, retried),
      );
    } catch (error) {
      if (isOfOneLock(error)) return requests.map((request) => again(request, error.mayHaveRun));
      for (const request of requests) this.#format.failed?.(request, error as LockStoreError);
      throw error;
    }
  }

  #run(requests: readonly Request[], within: number, mayHaveRun = false): Promise<ScriptReply> {
    const keys: string[] = [];
    const args: Argument[] = [];
    for (const request of requests) this.#format.write(request, keys, args);
    return this.#connection.run(this.#script, keys, args, within, mayHaveRun);
  }
}
