import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** One process of the application. */
export class Replica {
  readonly #process: ChildProcess;
  readonly ready: Promise<void>;

  constructor(index: number, onEvent: (index: number, event: string, tick: number) => void) {
    const main = fileURLToPath(new URL('./main.js', import.meta.url));
    this.#process = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.ready = new Promise((resolve, reject) => {
      this.#process.once('exit', (code) =>
        reject(new Error(`Replica ${index + 1} ended with code ${code}.`)),
      );
      createInterface({ input: this.#process.stdout! }).on('line', (line) => {
        if (!line.startsWith('{')) return index === 0 ? console.log(line) : undefined;
        const { event, tick } = JSON.parse(line) as { event: string; tick: number };
        if (event === 'ready') resolve();
        else onEvent(index, event, tick);
      });
    });
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exit;
  }
}
