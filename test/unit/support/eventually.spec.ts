import { eventually } from '../../support/eventually.js';

describe('eventually', () => {
  it('resolves to what the check gives once it passes', async () => {
    let tries = 0;
    await expect(eventually(() => ++tries === 3 && 'third')).resolves.toBe('third');
  });

  it('takes a check that throws for one that does not pass yet', async () => {
    let tries = 0;
    await eventually(() => expect(++tries).toBe(2));
  });

  it('says what it waited for, how often it tried and why it failed', async () => {
    const failure = eventually(() => Promise.reject(new Error('still red')), { within: 30 });
    await expect(failure).rejects.toThrow(/Not within 30 ms \(\d+ tries\): .*still red/s);
  });

  it('does not hang on a check that does', async () => {
    const failure = eventually(() => new Promise<never>(() => undefined), { within: 30 });
    await expect(failure).rejects.toThrow('the check itself did not settle');
  });
});
