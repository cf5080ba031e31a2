import type { JobRequest } from '../../../../lib/stores/lock-store.js';
import { MemoryLockStore } from '../../../../lib/stores/memory/memory-lock-store.js';
import { request, tickClaim } from '../../../../lib/testing/store-contract/subject.js';

const DAY = 24 * 60 * 60 * 1000;
const JOB: JobRequest = { name: 'job', kind: 'tick', job: 'cron' };

describe('a job that is paused', () => {
  let passed = 0;
  const now = () => 1_800_000_000_000 + passed;
  const store = new MemoryLockStore({ now: () => passed }, now);

  it('is not forgotten, however long nobody asks for it and however many other locks are', async () => {
    await store.runs.pause(JOB, { reason: 'why', by: 'ops', since: now() }, 5000);
    passed += 400 * DAY;
    await takeManyLocks();

    const reply = await store.acquire(request('job', { claim: tickClaim(now()) }));
    expect(reply).toMatchObject({ status: 'paused' });
  });

  async function takeManyLocks(): Promise<void> {
    for (let i = 0; i < 3000; i++) await store.acquire(request(`lock-${i}`));
  }
});
