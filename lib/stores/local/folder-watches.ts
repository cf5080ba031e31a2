import { watch } from 'node:fs';

/** Tells when something changes in the folders of locks that somebody waits for. */
export class FolderWatches {
  readonly #watched = new Map<string, number>();

  /** Whether changes of this lock are told. Not where the system has no more watches to give, or the folder is missing. */
  has(name: string): boolean {
    return this.#watched.has(name);
  }

  /** Calls `onChange` until the function that it returns is called. Never throws. */
  add(name: string, folder: string, onChange: () => void): () => void {
    try {
      const watcher = watch(folder, { persistent: false }, onChange);
      this.#count(name, 1);
      let open = true;
      const end = (): void => {
        if (!open) return;
        open = false;
        this.#count(name, -1);
        watcher.close();
      };
      watcher.on('error', end);
      return end;
    } catch {
      return () => {};
    }
  }

  #count(name: string, more: number): void {
    const count = (this.#watched.get(name) ?? 0) + more;
    if (count > 0) this.#watched.set(name, count);
    else this.#watched.delete(name);
  }
}
