export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && codes.includes(code);
}

/** For what somebody else may have done already, or will do later. */
export function ifPossible(change: () => void): void {
  try {
    change();
  } catch {
    // It is left to them.
  }
}
