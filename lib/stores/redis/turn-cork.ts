import type { Redis } from 'ioredis';
import { connectionsOf, type RedisClient } from './open-redis-client.js';

/**
 * Sends together what is asked for in one turn of the event loop: one system call for all commands, not one for each.
 * A command that is alone is sent at once, and pays nothing.
 */
export class TurnCork {
  readonly #client: RedisClient;
  readonly #corked: Redis['stream'][] = [];
  #inFlight = 0;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  /** Right before a command is sent. */
  begin(): void {
    if (this.#inFlight++ > 0 && this.#corked.length === 0) this.#cork();
  }

  /** The command was answered, or has failed. */
  end(): void {
    this.#inFlight--;
  }

  #cork(): void {
    for (const { stream } of connectionsOf(this.#client)) {
      // There is none while it reconnects.
      if (!stream) continue;
      stream.cork();
      this.#corked.push(stream);
    }
    // Runs when all that this turn has to do is done.
    if (this.#corked.length > 0) process.nextTick(this.#uncork);
  }

  readonly #uncork = (): void => {
    for (const stream of this.#corked.splice(0)) stream.uncork();
  };
}
