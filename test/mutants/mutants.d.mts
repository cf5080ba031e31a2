interface Change {
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** One way to break the code. */
export interface Mutant extends Change {
  readonly name: string;
  readonly file: string;
  readonly also?: readonly Change[];
  /** Matches the paths of the tests that must notice. */
  readonly tests: string;
}

export const MUTANTS: readonly Mutant[];
