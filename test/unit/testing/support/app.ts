import type { Provider } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  ExclusiveLockModule,
  ExclusiveLockService,
  type Lease,
  type LockEvent,
  type Outcome,
} from 'nestjs-exclusive-lock';
import type { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { CapturingLogger } from '../../../integration/nest/support/capturing-logger.js';
import { closeAfterwards } from '../../../integration/nest/support/nest-apps.js';
import { Gate } from '../../../integration/nest/support/gate.js';

/** An application on the kit's store, whose start hooks have not run. */
export async function compileOn(kit: LockTestKit, ...providers: Provider[]) {
  const log = new CapturingLogger();
  const module = await Test.createTestingModule({
    imports: [ExclusiveLockModule.forRoot({ store: kit.store })],
    providers,
  })
    .setLogger(log)
    .compile();
  closeAfterwards(module);
  const locks = module.get(ExclusiveLockService);
  const events: LockEvent[] = [];
  locks.events$.subscribe((event) => events.push(event));
  return { module, locks, log, events };
}

export const TTL = 10_000;
export const RENEW_EVERY = TTL / 3;
/** What is left of the TTL when the lease ends. */
export const LEASE = TTL - 500;
export const HOUR = 3_600_000;

export const work = (): string => 'value';
export const RAN = { status: 'ran', value: 'value' };

/** Work that runs under a lock until the test ends it. */
export interface RunningWork {
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly finish: () => Promise<Outcome<string>>;
}

/** Starts work that the test ends, in an application that gets the lock. */
export async function startWork(locks: ExclusiveLockService, name: string): Promise<RunningWork> {
  const gate = new Gate();
  let lease!: Lease;
  const outcome = locks.run(name, async (granted) => {
    lease = granted;
    await gate.pass();
    return 'value';
  });
  await gate.reached;
  return {
    lease,
    signal: lease.signal,
    finish: () => {
      gate.open();
      return outcome;
    },
  };
}

/** Whether the promise has settled, when all that has nothing to wait for has come to its end. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = (): void => void (settled = true);
  promise.then(note, note);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}
