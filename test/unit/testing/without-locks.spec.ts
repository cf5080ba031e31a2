import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { of, lastValueFrom, type Observable } from 'rxjs';
import { Exclusive, ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { LockTestKit, withoutLocks } from 'nestjs-exclusive-lock/testing';

@Injectable()
class Jobs {
  constructor(readonly locks: ExclusiveLockService) {}

  @Exclusive('nightly')
  async nightly(report?: string): Promise<string | undefined> {
    return `${report} ${ExclusiveLockService.current()?.name}`;
  }

  @Exclusive('feed', { whenBusy: 'throw' })
  feed(): Observable<number> {
    return of(1, 2);
  }
}

class Plain {
  readonly locked = false;
}

/** What libraries of automatic mocks make: every property is a function that returns nothing. */
const mock = (): object => new Proxy({}, { get: (_, key) => (key === 'then' ? undefined : () => undefined) });

describe('withoutLocks()', () => {
  it('lets a test call decorated methods of an object that it has constructed', async () => {
    const jobs = new Jobs(mock() as ExclusiveLockService);
    await expect(jobs.nightly('sales')).rejects.toThrow(
      /withoutLocks\(object\) from 'nestjs-exclusive-lock\/testing'/,
    );

    expect(withoutLocks(jobs)).toBe(jobs);
    await expect(jobs.nightly('sales')).resolves.toBe('sales undefined');
    await expect(lastValueFrom(await (jobs.feed() as unknown as Promise<Observable<number>>))).resolves.toBe(
      2,
    );
  });

  it('lets a test call decorated methods if useMocker() has mocked the lock service', async () => {
    const builder = Test.createTestingModule({ providers: [Jobs] });
    const app = await builder.useMocker(mock).compile();
    const jobs = app.get(Jobs);
    await expect(jobs.nightly('stock')).rejects.toMatchObject({
      code: 'LOCK_SERVICE_MISSING',
      message: expect.stringContaining('nestjs-exclusive-lock/testing'),
    });

    await expect(withoutLocks(jobs).nightly('stock')).resolves.toBe('stock undefined');
    await app.close();
  });

  it('frees one object from the locks of its application, and no other', async () => {
    const kit = new LockTestKit();
    const app = await Test.createTestingModule({
      imports: [ExclusiveLockModule.forRoot({ store: kit.store })],
      providers: [Jobs, { provide: 'other', useClass: Jobs }],
    }).compile();
    await kit.holdElsewhere('nightly');

    await expect(withoutLocks(app.get(Jobs)).nightly('staff')).resolves.toBe('staff undefined');
    await expect(app.get<Jobs>('other').nightly('staff')).resolves.toBeUndefined();
    await app.close();
  });

  it.each<[what: string, value: unknown, told: string]>([
    ['an object without decorated methods', new Plain(), 'an object of the class Plain'],
    ['a class', Jobs, 'the class or function Jobs'],
    ['nothing', undefined, 'undefined'],
  ])('refuses %s', (_what, value, told) => {
    expect(() => withoutLocks(value as object)).toThrow(
      expect.objectContaining({ code: 'LOCK_CONFIGURATION' }),
    );
    expect(() => withoutLocks(value as object)).toThrow(told);
  });
});
