/** What a replica tells the demo that has started it. */
export interface Told {
  readonly event: 'ready' | 'started' | 'step' | 'finished';
  /** Of a cron job. */
  readonly tick?: number | undefined;
  /** Of a migration. */
  readonly step?: string | undefined;
}

/** Says what this replica does, one JSON line each, so that the demo can show it. */
export function tell(what: Told): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}
