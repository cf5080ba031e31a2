import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { closeApps } from '../../integration/nest/support/nest-apps.js';
import { RAN, compileOn, startWork, work } from './support/app.js';

let kit: LockTestKit;

beforeEach(() => {
  kit = new LockTestKit();
});
afterEach(closeApps);

describe('applications on the store of one kit', () => {
  it('are replicas of each other, even after one has been closed', async () => {
    const [one, two] = [await compileOn(kit), await compileOn(kit)];
    const occurrence = { key: 'v1' };
    const { finish } = await startWork(one.locks, 'report');
    expect(await two.locks.run('report', work)).toMatchObject({ reason: 'busy' });
    await finish();
    await one.locks.run('migrate', work, { occurrence });
    await one.module.close();

    expect(await two.locks.run('migrate', work, { occurrence })).toMatchObject({ reason: 'done' });
    expect(await two.locks.run('report', work)).toEqual(RAN);
  });
});

describe('the test kit', () => {
  it('refuses options that cannot work', async () => {
    const refusal = { code: 'LOCK_CONFIGURATION' };
    await expect(kit.holdElsewhere('')).rejects.toMatchObject(refusal);
    await expect(kit.holdElsewhere('a', { ttl: 5 })).rejects.toMatchObject(refusal);
    await expect(kit.holdElsewhere('a', { tll: 5000 } as object)).rejects.toThrow(
      'tll is not an option of holdElsewhere.',
    );
    await expect(kit.holdElsewhere('a', { contents: 1n })).rejects.toMatchObject(refusal);
    expect(() => kit.downFor(-1)).toThrow(expect.objectContaining(refusal));
  });
});
