import type { QueueGrant } from '../lock-store.js';
import type { EtcdClient, EtcdStream } from './etcd-client.js';
import { PROCESSES, keysIn, leaseOf, range, type KeyValue } from './etcd-format.js';

/** Milliseconds before a watch that has ended is begun again. */
const REOPEN_DELAY = 250;

type OnNews = (grant?: QueueGrant) => void;

/** These locks were given to waiters with these leases of ours. */
type OnGiven = (leases: readonly string[], keys: readonly string[]) => void;

/** A message of a watch. */
interface WatchMessage {
  readonly result?: {
    readonly created?: boolean;
    /** The server has ended the watch: it was too slow and has missed events, or may not watch. */
    readonly canceled?: boolean;
    readonly events?: readonly { readonly type?: 'DELETE'; readonly kv: KeyValue }[];
  };
}

/** Notifies those who wait in this process, by one watch for all of them. It runs only while somebody waits. */
export class EtcdNews {
  readonly #client: EtcdClient;
  readonly #isOurs: (lease: string) => boolean;
  readonly #onGiven: OnGiven;
  readonly #waiting = new Map<string, Set<OnNews>>();
  #stream: EtcdStream | undefined;
  #reopening: NodeJS.Timeout | undefined;

  constructor(
    client: EtcdClient,
    { isOurs, onGiven }: { isOurs: (lease: string) => boolean; onGiven: OnGiven },
  ) {
    this.#client = client;
    this.#isOurs = isOurs;
    this.#onGiven = onGiven;
    // The member may be cut off from the others, and the watch silent.
    client.onMoved(() => this.#stream?.end());
  }

  /** Whether anybody waits. */
  get isNeeded(): boolean {
    return this.#waiting.size > 0;
  }

  watch(key: string, onNews: OnNews): () => void {
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting.add(onNews));
    if (!this.#reopening) this.#open();
    return () => {
      waiting.delete(onNews);
      if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
      if (!this.isNeeded) this.close();
    };
  }

  /** Notifies those who wait for this lock. */
  tell(key: string, grant?: QueueGrant): void {
    for (const onNews of this.#waiting.get(key) ?? []) onNews(grant);
  }

  close(): void {
    clearTimeout(this.#reopening);
    this.#reopening = undefined;
    this.#stream?.end();
  }

  #open(): void {
    this.#stream ??= this.#client.stream(
      'watch',
      { create_request: range(PROCESSES) },
      { message: (message) => this.#heard(message as WatchMessage), ended: () => this.#ended() },
    );
  }

  #heard({ result }: WatchMessage): void {
    if (!result || result.canceled) return this.#stream?.end();
    const { created, events = [] } = result;
    const ours = events.filter(({ type, kv }) => type !== 'DELETE' && this.#isOurs(leaseOf(kv.key)));
    const keys = ours.flatMap(({ kv }) => keysIn(kv));
    if (keys.length > 0)
      this.#onGiven(
        ours.map(({ kv }) => leaseOf(kv.key)),
        keys,
      );
    // Whatever came before is missed; and the holder may have been the process that is gone.
    if (created || events.some(({ type }) => type === 'DELETE')) this.#tellAll();
  }

  #tellAll(): void {
    for (const key of this.#waiting.keys()) this.tell(key);
  }

  #ended(): void {
    this.#stream = undefined;
    if (!this.isNeeded) return;
    this.#reopening = setTimeout(() => {
      this.#reopening = undefined;
      if (this.isNeeded) this.#open();
    }, REOPEN_DELAY).unref();
  }
}
