import { watch } from 'node:fs';

/**
 * Calls `onChange` when something changes in a folder, until the returned function is called. Never throws: if the
 * folder does not exist, or the system has no watches left, it reports nothing.
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
