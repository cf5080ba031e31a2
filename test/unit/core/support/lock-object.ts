import type { ExclusiveLock, ExclusiveLockOptions } from '../../../../lib/core/exclusive-lock.js';
import { resolveSettings } from '../../../../lib/exclusive-lock.options.js';
import { RENEW_EVERY, TTL, type Replica } from './replica.js';

const { ExclusiveLockService } = await import('../../../../lib/exclusive-lock.service.js');

/** The lock "a" as an object of that replica. */
export function lockOf({ locks, logger }: Replica, options: ExclusiveLockOptions = {}): ExclusiveLock {
  const settings = resolveSettings({ ttl: TTL, renewEvery: RENEW_EVERY, prefix: 'test', logger });
  return new ExclusiveLockService(locks, settings).lock('a', options);
}

/** What the lock tells from now on, in order: `name` or `name reason`. */
export function record(
  lock: ExclusiveLock,
  ...events: ('refreshed' | 'renewalFailed' | 'released' | 'lost' | 'error')[]
): string[] {
  const told: string[] = [];
  if (events.includes('refreshed')) lock.on('refreshed', () => told.push('refreshed'));
  if (events.includes('renewalFailed'))
    lock.on('renewalFailed', ({ code }) => told.push(`renewalFailed ${code}`));
  if (events.includes('released')) lock.on('released', () => told.push('released'));
  if (events.includes('lost')) lock.on('lost', ({ reason }) => told.push(`lost ${reason}`));
  if (events.includes('error')) lock.on('error', ({ code }) => told.push(`error ${code}`));
  return told;
}

export async function acquired(lock: ExclusiveLock): Promise<ExclusiveLock> {
  expect(await lock.acquire()).toBe(true);
  return lock;
}
