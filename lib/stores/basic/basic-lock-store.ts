/** What `acquire` of a basic store resolves to. */
export type BasicAcquireResult =
  { readonly acquired: true; readonly fencingToken: number } | { readonly acquired: false };

/**
 * A store of three methods, as `@nestjs/locks` 0.0.1 defines it: a key has an owner until `ttl` milliseconds have passed
 * by the store's clock. Each method is one atomic step.
 */
export interface BasicLockStore {
  /**
   * Gives the key to the owner if nobody has it, not even this owner. The fencing token is higher than any before it for
   * this key.
   */
  acquire(key: string, owner: string, ttl: number): Promise<BasicAcquireResult>;

  /** Has the key expire `ttl` milliseconds from now. False if the key is not this owner's. */
  renew(key: string, owner: string, ttl: number): Promise<boolean>;

  /** Frees the key. False if it is not this owner's. */
  release(key: string, owner: string): Promise<boolean>;
}

/** Who has a key of a basic store. */
export interface BasicHolder {
  readonly owner: string;
  /** Milliseconds until the key expires. */
  readonly remaining: number;
}

/** Options of `basicStore()`. */
export interface BasicStoreOptions {
  /**
   * What all keys begin with.
   *
   * @default 'exclusive-lock'
   */
  readonly prefix?: string | undefined;
  /**
   * Names the store in log lines and errors. Must not hold a secret.
   *
   * @default 'basic store'
   */
  readonly description?: string | undefined;
  /** Says who has a key, if the store can tell. Without it, `inspect()` of a lock is an error. */
  readonly inspect?: ((key: string) => Promise<BasicHolder | undefined>) | undefined;
}
