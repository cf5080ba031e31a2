/** Who holds a lock. Only `contents` is known of a lock that another program took, such as `exclusive-lock` 2.0.0. */
export interface Holder {
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
}
