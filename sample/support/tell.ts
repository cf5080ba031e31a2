/** A message from a replica to the demo that started it. */
export interface Told {
  readonly event: 'ready' | 'started' | 'step' | 'finished';
  /** The tick of a cron job. */
  readonly tick?: number | undefined;
  /** Whether the tick runs late, since no replica had run it. */
  readonly missed?: boolean | undefined;
  /** The step of a migration. */
  readonly step?: string | undefined;
  /** Where it listens. */
  readonly port?: number | undefined;
  /** The term of a leader. */
  readonly fencingToken?: number | undefined;
  /** When it happened, by `machineTime()`. */
  readonly at?: number | undefined;
}

/** Milliseconds on a clock that all processes of the machine share, and that nobody can set. */
export const machineTime = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Sends a message to the demo as one line of JSON. */
export function tell(what: Told): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}
