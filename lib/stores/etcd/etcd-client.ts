import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { performance } from 'node:perf_hooks';
import { LockStoreError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import type { ServerClock } from '../server-clock.js';
import { EtcdError, errorIn, isLoggedOut } from './etcd-errors.js';
import type { EtcdSettings } from './etcd-options.js';

/** The most connections for calls. A process that asks for more at once sends them one after the other. */
const MOST_SOCKETS = 16;
/** Milliseconds between two keep-alive probes of TCP, so that no firewall forgets a connection that is idle. */
const PROBE_EVERY = 15_000;
/** Milliseconds that a member gets for its answer at least, before the next is asked. */
const LEAST_SLICE = 250;

/** A reply that goes on until it is ended. */
export interface EtcdStream {
  end(): void;
}

/** What happens to a stream. After `ended` nothing does. */
export interface EtcdStreamEvents {
  readonly message: (message: unknown) => void;
  readonly ended: () => void;
}

/**
 * Calls of etcd's JSON gateway, which every member has. The member that answered last is asked; if it does not answer, the
 * call fails and the next call goes to the next member.
 */
export class EtcdClient {
  readonly label: string;
  readonly #settings: EtcdSettings;
  readonly #clock: ServerClock;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #onMoved = new Set<() => void>();
  readonly #onReconnected = new Set<() => void>();
  /** The index of the member that is asked. */
  #current = 0;
  /** Whether the last call was not answered. */
  #isAway = false;
  /** Proves who we are, once we have logged in. */
  #token: Promise<string> | undefined;

  constructor(settings: EtcdSettings, clock: ServerClock) {
    const { endpoints, tls } = settings;
    this.label = `etcd at ${endpoints.map(({ origin }) => origin).join(', ')}`;
    this.#settings = settings;
    this.#clock = clock;
    const Agent = endpoints.some(isSecure) ? HttpsAgent : HttpAgent;
    this.#agent = new Agent({
      ...tls,
      keepAlive: true,
      keepAliveMsecs: PROBE_EVERY,
      maxSockets: MOST_SOCKETS,
      scheduling: 'lifo',
    });
  }

  /**
   * Calls a method of the gateway, such as `kv/txn`, and resolves to its reply.
   *
   * @throws LockStoreError that says whether the call may have been carried out
   */
  async call<R>(method: string, body: object, within: number): Promise<R> {
    const deadline = performance.now() + within;
    for (let tried = 1; ; tried++) {
      const member = this.#current;
      try {
        const token = await this.#loggedIn(deadline - performance.now());
        return (await this.#ask(method, body, token, deadline - performance.now())) as R;
      } catch (thrown) {
        // A member that refuses connections costs no time: the next one is asked at once.
        const mayGoOn = isLoggedOut(thrown) || wasNotSent(thrown);
        const error = this.#failure(thrown as Error, member);
        if (!mayGoOn || tried > this.#settings.endpoints.length || performance.now() >= deadline) throw error;
      }
    }
  }

  /** Calls a method whose reply goes on, on a connection of its own that does not keep the process alive. */
  stream(method: string, body: object, events: EtcdStreamEvents): EtcdStream {
    let request: ReturnType<typeof httpRequest> | undefined;
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      request?.destroy();
      events.ended();
    };
    const begin = async (): Promise<void> => {
      const token = await this.#loggedIn(Infinity);
      if (isOver) return;
      request = this.#request(method, token, false, (response) => readLines(response, events.message, end));
      request.on('socket', (socket) => socket.setKeepAlive(true, PROBE_EVERY).unref());
      request.on('error', end);
      request.end(JSON.stringify(body));
    };
    begin().catch(end);
    return { end };
  }

  /** Calls the listener when calls go to another member, or on new connections to the same. */
  onMoved(listener: () => void): void {
    this.#onMoved.add(listener);
  }

  /** Calls the listener when a call is answered after one that was not. */
  onReconnected(listener: () => void): void {
    this.#onReconnected.add(listener);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Resolves to the token that proves who we are, if we are anybody. */
  #loggedIn(within: number): Promise<string> | undefined {
    const { credentials } = this.#settings;
    if (!credentials) return undefined;
    this.#token ??= this.#ask('auth/authenticate', credentials, undefined, within).then(
      (reply) => (reply as { token: string }).token,
    );
    this.#token.catch(() => (this.#token = undefined));
    return this.#token;
  }

  #ask(method: string, body: object, token: string | undefined, within: number): Promise<unknown> {
    const slice = Math.max(within / (this.#settings.endpoints.length + 1), Math.min(within, LEAST_SLICE));
    const askedAt = this.#clock.steady();
    return new Promise((resolve, reject) => {
      const request = this.#request(method, token, this.#agent, (response) => {
        this.#learnTime(response, askedAt);
        readAll(response)
          .then((text) => this.#answer(response, text))
          .then(resolve, reject);
      });
      request.on('error', reject);
      request.on('close', () => clearTimeout(timer));
      // After the loop was blocked, the reply may wait in the socket: it is read before an immediate runs.
      const tooLate = (): void => void request.destroy(new Error(messages.noReply(slice)));
      const timer = setTimeout(() => setImmediate(tooLate), slice);
      request.end(JSON.stringify(body));
    });
  }

  #request(
    method: string,
    token: string | undefined,
    agent: HttpAgent | false,
    onResponse: (response: IncomingMessage) => void,
  ): ReturnType<typeof httpRequest> {
    const url = new URL(`/v3/${method}`, this.#settings.endpoints[this.#current]);
    const headers = { 'content-type': 'application/json', ...(token && { authorization: token }) };
    const options = { ...(!agent && this.#settings.tls), method: 'POST', headers, agent };
    return isSecure(url) ? httpsRequest(url, options, onResponse) : httpRequest(url, options, onResponse);
  }

  #answer({ statusCode }: IncomingMessage, text: string): unknown {
    const reply = parse(text);
    const error = errorIn(reply);
    if (error) throw error;
    // A proxy has answered.
    if (statusCode !== 200 || reply === undefined) throw new Error(messages.notEtcd(statusCode));
    if (this.#isAway) {
      this.#isAway = false;
      for (const listener of this.#onReconnected) listener();
    }
    return reply;
  }

  /** Go's server adds the time to every reply, in whole seconds. */
  #learnTime({ headers: { date } }: IncomingMessage, askedAt: number): void {
    const time = date === undefined ? Number.NaN : Date.parse(date);
    if (!Number.isNaN(time)) this.#clock.learn(time, time + 1000, askedAt);
  }

  #failure(cause: NodeJS.ErrnoException, member: number): LockStoreError {
    const message = messages.etcdFailed(this.label, cause);
    if (isLoggedOut(cause)) this.#token = undefined;
    if (cause instanceof EtcdError && cause.didNothing) {
      const { isRefusal: refused, isPermanent: permanent } = cause;
      return new LockStoreError(message, { cause, mayHaveRun: false, refused, permanent });
    }
    this.#leave(member);
    return new LockStoreError(message, { cause, mayHaveRun: !wasNotSent(cause) });
  }

  /** The next calls go to the next member, or on new connections to the only one. */
  #leave(member: number): void {
    this.#isAway = true;
    if (this.#current !== member) return;
    this.#current = (member + 1) % this.#settings.endpoints.length;
    // They may be as dead as the one that failed.
    for (const socket of Object.values(this.#agent.freeSockets).flat()) socket?.destroy();
    for (const listener of this.#onMoved) listener();
  }
}

/** No connection was made. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
]);

function wasNotSent(error: unknown): boolean {
  return NOT_SENT.has((error as NodeJS.ErrnoException).code ?? '');
}

function isSecure({ protocol }: URL): boolean {
  return protocol === 'https:';
}

async function readAll(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += chunk;
  return text;
}

/** Each message of a stream is JSON in one line. */
function readLines(response: IncomingMessage, onMessage: (message: unknown) => void, end: () => void): void {
  let rest = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line) onMessage(parse(line));
  });
  response.on('error', end);
  response.on('close', end);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
