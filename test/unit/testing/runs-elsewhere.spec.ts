import 'reflect-metadata';
import { Injectable } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { Exclusive, ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { eventually } from '../../support/eventually.js';

const [MINUTE, DAY] = [60_000, 86_400_000];

let kit: LockTestKit;
let ran: (Date | undefined)[];
let close: () => Promise<void>;

beforeEach(() => {
  kit = new LockTestKit();
  ran = [];
});
afterEach(() => close());

/** The tick of today, which was due 10 minutes ago. */
const today = new Date(Math.floor(Date.now() / 1000) * 1000 - 10 * MINUTE);
const expression = `${today.getUTCSeconds()} ${today.getUTCMinutes()} ${today.getUTCHours()} * * *`;
const tickOf = (daysAgo: number) => ({ tick: new Date(today.getTime() - daysAgo * DAY), job: 'nightly' });

@Injectable()
class Reports {
  @Cron(expression, { timeZone: 'UTC' })
  @Exclusive('nightly', { missed: { within: '6h' } })
  async nightly(): Promise<void> {
    ran.push(ExclusiveLockService.current()?.tick);
  }
}

async function start(): Promise<ExclusiveLockService> {
  const locks = ExclusiveLockModule.forRoot({ store: kit.store, replica: 'one', logger: false });
  const app = await Test.createTestingModule({
    imports: [ScheduleModule.forRoot(), locks],
    providers: [Reports],
  }).compile();
  await app.init();
  close = () => app.close();
  return app.get(ExclusiveLockService);
}

describe('a test kit', () => {
  it('lets another replica run a tick, after which the application catches up the one that was missed', async () => {
    const other = await kit.holdElsewhere('nightly', { occurrence: tickOf(1) });
    await other.release();
    const locks = await start();

    await eventually(() => expect(ran).toEqual([today]));
    await eventually(async () =>
      expect(await locks.jobs.runs('nightly')).toMatchObject([
        { tick: today, missed: true, outcome: 'succeeded', replica: 'one' },
        { tick: tickOf(1).tick, missed: false, outcome: 'succeeded', replica: 'another-replica' },
      ]),
    );
  });

  it('lets another replica die in the middle of a run, which is abandoned then', async () => {
    const other = await kit.holdElsewhere('nightly', { occurrence: tickOf(0) });
    const locks = await start();
    await expect(locks.jobs.runs('nightly')).resolves.toMatchObject([{ outcome: 'running' }]);
    await other.die();
    await kit.clock.advance('11s');

    await expect(locks.jobs.runs('nightly')).resolves.toMatchObject([{ outcome: 'abandoned' }]);
    expect(ran).toEqual([]);
  });

  it('has pauses that end with its clock', async () => {
    const locks = await start();
    const until = new Date(kit.clock.wall() + 5 * MINUTE);
    await locks.jobs.pause('nightly', { reason: 'test', by: 'me', until });
    await expect(locks.jobs.get('nightly')).resolves.toMatchObject({ paused: { until } });
    await kit.clock.advance('5m');

    await expect(locks.jobs.get('nightly')).resolves.toMatchObject({ paused: undefined });
  });

  it('says so where the run was done already', async () => {
    close = async () => {};
    await (await kit.holdElsewhere('nightly', { occurrence: tickOf(0) })).release();
    await expect(kit.holdElsewhere('nightly', { occurrence: tickOf(1) })).rejects.toThrow(
      /^"nightly" cannot be held elsewhere for the tick .* of nightly: the store says done/,
    );
  });
});
