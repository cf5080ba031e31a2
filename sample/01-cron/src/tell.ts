/** Says what this replica does, one JSON line each, so that the demo can show it. */
export function tell(what: { event: 'ready' | 'started' | 'finished'; tick?: number | undefined }): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}
