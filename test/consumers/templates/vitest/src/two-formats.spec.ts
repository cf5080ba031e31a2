import { createRequire } from 'node:module';
import { Test } from '@nestjs/testing';
import { ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import type { LockTestKit as Kit } from 'nestjs-exclusive-lock/testing';
import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';

const require = createRequire(import.meta.url);
const commonJs = require('nestjs-exclusive-lock/testing') as { LockTestKit: new () => Kit };

const HOUR = 3_600_000;

afterEach(() => {
  vi.useRealTimers();
});

describe.each([
  ['the same', LockTestKit],
  ['the other', commonJs.LockTestKit],
])('a kit of %s module format', (_, AnyKit) => {
  it.each(['real', 'fake'])('works beside %s timers', async (timers) => {
    if (timers === 'fake') vi.useFakeTimers();
    const kit = new AnyKit();
    const app = await Test.createTestingModule({
      imports: [ExclusiveLockModule.forRoot({ store: kit.store })],
    }).compile();

    const outcome = await app.get(ExclusiveLockService).run('work', async (lease) => {
      await kit.clock.advance(HOUR);
      const held = lease.held;
      await kit.loseLease('work');
      return { held, aborted: lease.signal.aborted };
    });

    expect(outcome).toMatchObject({ status: 'lost', value: { held: true, aborted: true } });
    await app.close();
  });
});

it('the two formats are two copies', () => {
  expect(commonJs.LockTestKit).not.toBe(LockTestKit);
});
