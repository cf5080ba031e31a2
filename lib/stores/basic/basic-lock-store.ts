/** What `acquire` of a basic store resolves to. */
export type BasicAcquireResult =
  { readonly acquired: true; readonly fencingToken: number } | { readonly acquired: false };

/**
 * A store of three methods, as `@nestjs/locks` 0.0.1 defines it: a key has an owner until `ttl` milliseconds have passed
 * by the store's clock. Each method is one atomic step.
 */
export interface BasicLockStore {
  /**
   * Gives the key to the owner if nobody has it, not even this owner. The fencing token is higher than all earlier ones
   * of this key.
   */
  acquire(key: string, owner: string, ttl: number): Promise<BasicAcquireResult>;

  /** Makes the key expire `ttl` milliseconds from now. False if this owner does not have the key. */
  renew(key: string, owner: string, ttl: number): Promise<boolean>;

  /** Frees the key. False if this owner does not have it. */
  release(key: string, owner: string): Promise<boolean>;
}

/** The holder of a key of a basic store. */
export interface BasicHolder {
  readonly owner: string;
  /** Milliseconds until the key expires. */
  readonly remaining: number;
}

/** Options of `basicStore()`. */
export interface BasicStoreOptions {
  /**
   * The beginning of all keys.
   *
   * @default 'exclusive-lock'
   */
  readonly prefix?: string | undefined;
  /**
   * Names the store in log lines and errors. Must not contain a secret.
   *
   * @default 'basic store'
   */
  readonly description?: string | undefined;
  /** Returns the holder of a key, if the store can find it out. Without this option, `inspect()` of a lock is an error. */
  readonly inspect?: ((key: string) => Promise<BasicHolder | undefined>) | undefined;
}
