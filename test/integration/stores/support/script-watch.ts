import { Redis } from 'ioredis';
import { SCRIPTS } from '../../../../lib/stores/redis/scripts.js';

const WITHOUT_KEYS = new Set(['time', 'publish', 'spublish', 'pubsub', 'scan']);
const OF_KEYS_ONLY = new Set(['del', 'exists', 'mget']);

/** Sees, by MONITOR, which keys the scripts of a server touch. The one that lists locks may touch any. */
export class ScriptWatch {
  /** Commands of scripts with keys that the call of the script did not declare. */
  readonly undeclared = new Set<string>();
  /** The hashes of the scripts that were called. */
  readonly called = new Set<string>();
  readonly #monitor: Redis;
  #declared = new Set<string>();
  #mayTouchAll = false;

  static async start(url: string): Promise<ScriptWatch> {
    const client = new Redis(url);
    const monitor = await client.monitor();
    client.disconnect();
    return new ScriptWatch(monitor);
  }

  private constructor(monitor: Redis) {
    this.#monitor = monitor;
    monitor.on('monitor', (_time: string, [command, ...args]: string[], source: string) => {
      const name = command.toLowerCase();
      if (source === 'lua') this.#sees(name, args);
      else if (name === 'evalsha' || name === 'eval') this.#begins(args);
    });
  }

  stop(): void {
    this.#monitor.disconnect();
  }

  #begins([script, count, ...rest]: string[]): void {
    this.called.add(script);
    this.#mayTouchAll = script === SCRIPTS.list.sha || script.includes('allow-undeclared-keys');
    this.#declared = new Set(rest.slice(0, Number(count)));
  }

  #sees(name: string, args: string[]): void {
    if (this.#mayTouchAll || WITHOUT_KEYS.has(name)) return;
    for (const key of OF_KEYS_ONLY.has(name) ? args : args.slice(0, 1))
      if (!this.#declared.has(key)) this.undeclared.add(`${name} ${key}`);
  }
}
