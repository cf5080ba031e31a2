import { watch } from 'node:fs';

/**
 * Calls `onChange` whenever something changes in a folder, until the function that it returns is called. Never throws:
 * where the folder is missing, or the system has no more watches to give, there is nothing to be told.
 */
export function watchFolder(folder: string, onChange: () => void): () => void {
  try {
    const watcher = watch(folder, { persistent: false }, onChange);
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => {};
  }
}
