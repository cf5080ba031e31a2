/** What the doctor has found. */
export interface Finding {
  readonly check: string;
  /** `warning`: it works, but may surprise. `problem`: a promise is not kept, or something does not work. */
  readonly status: 'ok' | 'warning' | 'problem';
  readonly found: string;
  /** What to change. */
  readonly advice?: string;
}
