import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Told } from './tell.js';

const END_WITH_DEMO = new URL('./end-with-demo.js', import.meta.url).href;

/** One process of the application, started from `main`. It ends with the demo. */
export class Replica {
  readonly #process: ChildProcess;
  /** Rejects if the replica exits before it is ready. */
  readonly ready: Promise<void>;

  /** @param env is added to the environment of the demo */
  constructor(
    main: URL,
    index: number,
    onEvent: (index: number, told: Told) => void,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#process = spawn(process.execPath, ['--import', END_WITH_DEMO, fileURLToPath(main)], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.ready = new Promise((resolve, reject) => {
      this.#process.once('exit', (code) =>
        reject(new Error(`Replica ${index + 1} ended with code ${code}.`)),
      );
      createInterface({ input: this.#process.stdout! }).on('line', (line) => {
        if (!line.startsWith('{')) return index === 0 ? console.log(line) : undefined;
        const told = JSON.parse(line) as Told;
        if (told.event === 'ready') resolve();
        onEvent(index, told);
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
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
