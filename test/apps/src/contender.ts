// A replica that takes locks on command and tells what it believes about them, with the machine's monotonic time.
// Env: OPTIONS (JSON, of forRoot). Commands are JSON lines on stdin: {"do":"acquire","name":"a"}.
import 'reflect-metadata';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExclusiveLockModule, ExclusiveLockService, type Lease } from 'nestjs-exclusive-lock';
import { optionsOfTest } from './options.js';
import { clocks, machineTime as now, tell, tellingLogger } from './tell.js';

const options = optionsOfTest();

@Module({ imports: [ExclusiveLockModule.forRoot(options)] })
class AppModule {}

process.on('unhandledRejection', (error) => tell('unhandled', { error: String(error) }));
const app = await NestFactory.createApplicationContext(AppModule, {
  logger: tellingLogger,
  abortOnError: false,
});
const locks = app.get(ExclusiveLockService);

/** What the commands are about. */
const state: { lease: Lease | null; looping: boolean } = { lease: null, looping: false };

/** From when to when `held` was certainly true: the time is read before each check. */
class Belief {
  first: number | undefined;
  last: number | undefined;

  constructor(private readonly lease: Lease) {}

  check(): boolean {
    const at = now();
    if (!this.lease.held) return false;
    this.first ??= at;
    this.last = at;
    return true;
  }

  tell(): void {
    if (this.first !== undefined)
      tell('belief', { fencingToken: this.lease.fencingToken, first: this.first, last: this.last });
  }
}

/**
 * The last time, on both clocks, at which this process ran and the signal had not aborted. On a busy machine a process may stand
 * still when the signal is due; it must abort before anything else happens then.
 */
function lastUnaborted(signal: AbortSignal): () => ReturnType<typeof clocks> {
  let last = clocks();
  const beat = setInterval(() => {
    const beatAt = clocks();
    // Then the timers that were due now have run, in whatever order.
    setImmediate(() => {
      if (signal.aborted) clearInterval(beat);
      else last = beatAt;
    });
  }, 5).unref();
  return () => last;
}

/** Tells when the signal aborts; and unless `quiet`, checks once a millisecond whether the lease is held. */
function observe(lease: Lease, quiet = false): void {
  const { fencingToken } = lease;
  const unaborted = lastUnaborted(lease.signal);
  lease.signal.addEventListener('abort', () =>
    tell('aborted', { fencingToken, unaborted: unaborted(), ...reasonOf(lease.signal.reason) }),
  );
  if (quiet) return;
  const belief = new Belief(lease);
  let checks = 0;
  const check = (): void => {
    const held = belief.check();
    if (checks++ % 20 === 0 || !held) belief.tell();
    if (!held) clearInterval(timer);
  };
  const timer = setInterval(check, 1).unref();
  check();
}

function reasonOf(error: unknown): { code?: unknown; reason?: unknown } {
  const { code, reason } = error as { code?: unknown; reason?: unknown };
  return { code, reason };
}

/** What a check in this very stretch of synchronous code says. */
function tellCheck(event: string, checked: Lease | null): void {
  try {
    checked?.assertHeld();
    tell(event, { held: true });
  } catch (error) {
    tell(event, { held: false, ...reasonOf(error) });
  }
}

async function soon(name: string, retry: number): Promise<Lease> {
  for (;;) {
    const lease = await locks.acquire(name);
    if (lease) return lease;
    await sleep(retry);
  }
}

interface Command {
  name: string;
  ms: number;
  pause: number;
  retry?: number;
  quiet?: boolean;
}

const commands: Record<string, (command: Command) => Promise<void> | void> = {
  /** Tries once, or every `retry` ms until it has the lock. */
  async acquire({ name, retry, quiet = false }) {
    const asked = now();
    try {
      const lease = await (retry ? soon(name, retry) : locks.acquire(name));
      tell(lease ? 'acquired' : 'busy', { name, asked, fencingToken: lease?.fencingToken });
      state.lease = lease;
      if (lease) observe(lease, quiet);
    } catch (error) {
      tell('failed', { name, asked, message: String(error), ...reasonOf(error) });
    }
  },
  /** Asks for the lock once more, without letting go of the lease. */
  async again({ name }) {
    tell('again', { got: (await locks.acquire(name)) !== null });
  },
  async release() {
    await state.lease?.release();
    tell('released', { fencingToken: state.lease?.fencingToken });
  },
  async run({ name, ms }) {
    const asked = now();
    const outcome = await locks.run(name, async (running) => {
      state.lease = running;
      tell('acquired', { name, asked, fencingToken: running.fencingToken });
      observe(running);
      await sleep(ms);
      tell('worked', { name, fencingToken: running.fencingToken });
      return 'value';
    });
    const error = 'error' in outcome ? reasonOf(outcome.error) : {};
    tell('outcome', {
      name,
      at: now(),
      ...error,
      status: outcome.status,
      ...('reason' in outcome ? { why: outcome.reason } : {}),
    });
  },
  /** Takes the lock again and again, for random times, until told to stop. */
  async loop({ name, ms, pause }) {
    state.looping = true;
    while (state.looping) {
      await locks.run(name, async (running) => {
        tell('acquired', { name, fencingToken: running.fencingToken });
        const belief = new Belief(running);
        for (const end = now() + Math.random() * ms; belief.check() && now() < end;) await sleep(1);
        belief.tell();
      });
      await sleep(Math.random() * pause);
    }
    tell('looped');
  },
  endLoop() {
    state.looping = false;
  },
  check() {
    tellCheck('checked', state.lease);
  },
  clock() {
    tell('clock', { wall: Date.now() });
  },
  /** Blocks the event loop, and checks before it turns again. */
  block({ ms }) {
    tell('blocking');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    tellCheck('unblocked', state.lease);
  },
  /** Checks in an endless stretch of synchronous code; ends at the first check after a gap of `ms`. */
  spin({ ms }) {
    // Read before telling: the test may stop this process at once.
    let before = now();
    tell('spinning', { at: before });
    for (let at = before; at - before <= ms; at = now()) before = at;
    tellCheck('spun', state.lease);
  },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line) as Command & { do: string };
  void commands[command.do]?.(command);
});

async function close(): Promise<void> {
  tell('closing');
  await app.close();
  process.stdin.destroy();
  tell('closed');
  // Not run where nothing of ours keeps the process.
  setTimeout(() => tell('lingers', { resources: process.getActiveResourcesInfo() }), 1000).unref();
}

process.once('SIGTERM', () => void close());
tell('ready');
