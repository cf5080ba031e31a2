import { filter, firstValueFrom, map, take, toArray } from 'rxjs';
import type { LockEvent } from 'nestjs-exclusive-lock';
import { closeApps, startApp } from './support/nest-apps.js';

afterEach(closeApps);

const fail = (message: string) => () => {
  throw new Error(message);
};

const reject = (message: string) => async () => {
  throw new Error(message);
};

describe('events$ of the service', () => {
  it('emits to every subscriber what happens from then on, also through operators', async () => {
    const { locks } = await startApp();
    const types: string[] = [];
    const fencingTokens: number[] = [];
    const subscription = locks.events$.subscribe(({ type }) => types.push(type));
    locks.events$
      .pipe(
        filter((event) => event.type === 'acquired'),
        map(({ fencingToken }) => fencingToken),
      )
      .subscribe((fencingToken) => fencingTokens.push(fencingToken));
    const both = firstValueFrom(locks.events$.pipe(take(2), toArray()));

    await locks.run('a', () => 1);
    expect((await both).map(({ type }: LockEvent) => type)).toEqual(['acquired', 'started']);
    subscription.unsubscribe();
    await locks.run('a', () => 1);

    expect(types).toEqual(['acquired', 'started', 'released', 'finished']);
    expect(fencingTokens).toHaveLength(2);
  });

  it('logs the error of a subscriber that throws, directly or behind operators, and harms neither others nor the lock', async () => {
    const uncaught: unknown[] = [];
    const onUncaught = (error: unknown): unknown => uncaught.push(error);
    process.on('uncaughtException', onUncaught);
    const { locks, log } = await startApp();
    locks.events$.pipe(take(1)).subscribe(fail('at the end'));
    locks.events$.subscribe({ next: fail('an observer') });
    locks.events$.pipe(map(fail('an operator'))).subscribe();
    const types: string[] = [];
    locks.events$.subscribe(({ type }) => types.push(type));

    await expect(locks.run('a', () => 1)).resolves.toEqual({ status: 'ran', value: 1 });

    // rxjs reports what nobody handles from a timer.
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('uncaughtException', onUncaught);
    expect(uncaught).toEqual([]);
    expect(types).toEqual(['acquired', 'started', 'released', 'finished']);
    for (const message of ['at the end', 'an observer', 'an operator']) {
      expect(log.ours('error')).toContainEqual(`A subscriber of events$ threw: ${message}.`);
    }
  });

  it('logs the error of a subscriber whose promise rejects, directly or behind operators, and harms no others', async () => {
    const { locks, log } = await startApp();
    /* oxlint-disable typescript/no-misused-promises -- what users do, too */
    locks.events$.subscribe(reject('a function'));
    locks.events$.subscribe({ next: reject('an observer') });
    locks.events$.pipe(take(1)).subscribe({ complete: reject('at completion') });
    locks.events$.pipe(map(fail('an operator'))).subscribe({ error: reject('after an operator') });
    /* oxlint-enable typescript/no-misused-promises */
    const types: string[] = [];
    locks.events$.subscribe(({ type }) => types.push(type));

    await expect(locks.run('a', () => 1)).resolves.toEqual({ status: 'ran', value: 1 });

    // A rejection that nobody handles is told, and fails the test, in the turn after.
    await new Promise(setImmediate);
    expect(types).toEqual(['acquired', 'started', 'released', 'finished']);
    for (const message of ['a function', 'an observer', 'at completion', 'after an operator']) {
      expect(log.ours('error')).toContainEqual(`A subscriber of events$ threw: ${message}.`);
    }
  });
});
