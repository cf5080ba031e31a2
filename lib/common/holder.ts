/**
 * The holder of a lock. If another program took the lock, such as `exclusive-lock` 2.0.0, only `contents` and `raw` are
 * known.
 */
export interface Holder {
  /** The application, as given by the option `application` or found in its package.json; undefined if it has none. */
  readonly application?: string;
  /** The id of the replica, as given by the option `replica` or made from host and pid. */
  readonly replica?: string;
  /** The name of the machine. */
  readonly host?: string;
  /** The id of the process. */
  readonly pid?: number;
  /** When the holder asked for the lock, by its own clock. If it had to wait, it got the lock later. */
  readonly since?: Date;
  /** The run that the lock was taken for, such as `tick 2026-11-24T03:00:00.000Z of Reports.nightly`. */
  readonly occurrence?: string;
  /** The value that the holder put into the lock with the option `contents`. */
  readonly contents?: unknown;
  /**
   * Only for the lock of another program: the text that it has stored. If the text is JSON, `contents` is its value, in
   * which `'12345678901234567890'` loses digits and `'1.0'` its form. This text is unchanged.
   */
  readonly raw?: string;
}
