/** The error that is thrown while a class is loaded, by its decorators. */
export function loadError(load: () => unknown): Error {
  try {
    load();
  } catch (error) {
    return error as Error;
  }
  throw new Error('The class was loaded.');
}
