import { performance } from 'node:perf_hooks';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { messages } from '../../common/messages.js';

/** Milliseconds that the server gets to end a connection in good order. */
const GOODBYE = 100;

/** Sends something, and calls `done` with the reply. */
export type Send<R> = (done: (error: Error | null, reply: R) => void) => void;

/**
 * One connection of our own. A statement that is not answered in time ends it, and so does every error after which its
 * state is unknown.
 */
export abstract class OwnConnection {
  readonly #onEnd: () => void;
  /** Ends the wait for the reply that is under way. */
  #fail: ((error: Error) => void) | undefined;
  #hasEnded = false;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Ends it at once, with the statement that is under way. */
  end(reason: Error): void {
    // The server may end it right behind a reply, so that the next statement is sent when it has ended.
    this.#fail?.(reason);
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.destroy();
    this.#onEnd();
  }

  /** Ends it in good order if it is idle: servers count others as errors. */
  close(): Promise<void> {
    const closed = new Error(messages.storeClosed());
    if (this.#hasEnded || this.#fail) return Promise.resolve(this.end(closed));
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.end(closed);
        resolve();
      };
      const timer = setTimeout(done, GOODBYE);
      this.sayGoodbye(done);
    });
  }

  /**
   * @param deadline on the clock of `performance`
   * @param within the same in milliseconds from when the caller asked, for the message
   */
  protected replyTo<R>(send: Send<R>, deadline: number, within: number): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#fail = undefined;
      };
      const fail = (error: Error): void => {
        settle();
        reject(this.toThrow(error));
      };
      const tooLate = (): void => {
        // Its reply may have come since the timer fired, and another statement may be under way.
        if (this.#fail === fail) this.end(new Error(messages.noReply(within)));
      };
      // If the event loop was blocked, the reply may wait in the socket. It is read before an immediate runs.
      const timer = setTimeout(() => setImmediate(tooLate), deadline - performance.now());
      this.#fail = fail;
      send((error, reply) => {
        // It was too late.
        if (this.#fail !== fail) return;
        if (error && this.isCuredByReconnect(error)) return this.end(error);
        if (error) return fail(error);
        settle();
        resolve(reply);
      });
    });
  }

  /** Closes the socket, without waiting for a server that may never answer. */
  protected abstract destroy(): void;

  /** Asks the server to end the connection. */
  protected abstract sayGoodbye(done: () => void): void;

  /** Whether the state of the connection is unknown after that error. */
  protected abstract isCuredByReconnect(error: Error): boolean;

  /** What the caller gets to see of an error. */
  protected toThrow(error: Error): Error {
    return error;
  }
}
