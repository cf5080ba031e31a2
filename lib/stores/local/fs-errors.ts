export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && codes.includes(code);
}

/** Makes a change that may fail because another process has made it already. */
export function ifPossible(change: () => void): void {
  try {
    change();
  } catch {
    // Another process has made the change, or will make it later.
  }
}
