/** Who holds a lock. Of a lock that another program took, such as `exclusive-lock` 2.0.0, only `contents` and `raw` are known. */
export interface Holder {
  /** The application, as given by the option `application` or found in its package.json; undefined if it has none. */
  readonly application?: string;
  /** The replica's id, as given by the option `replica` or made from host and pid. */
  readonly replica?: string;
  /** The name of its machine. */
  readonly host?: string;
  /** Of its process. */
  readonly pid?: number;
  /** When the lock was asked for, by the holder's clock: whoever has waited for it has it since later. */
  readonly since?: Date;
  /** Which intended run the lock was taken for, such as `tick 2026-11-24T03:00:00.000Z of Reports.nightly`. */
  readonly occurrence?: string;
  /** What the holder put into the lock with the option `contents`. */
  readonly contents?: unknown;
  /**
   * Only of another program's lock: the text that it has stored. `contents` is that text read as JSON where it is JSON,
   * so `'12345678901234567890'` loses digits there and `'1.0'` its form, but not here.
   */
  readonly raw?: string;
}
