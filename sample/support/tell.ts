/** A message from a replica to the demo that started it. */
export interface Told {
  readonly event: 'ready' | 'started' | 'step' | 'finished';
  /** The tick of a cron job. */
  readonly tick?: number | undefined;
  /** The step of a migration. */
  readonly step?: string | undefined;
}

/** Sends a message to the demo as one line of JSON. */
export function tell(what: Told): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}
