import { Injectable } from '@nestjs/common';
import { Exclusive, type ExclusiveOptions } from 'nestjs-exclusive-lock';
import { loadError } from './support/load-error.js';
import { closeApps, compileApp } from './support/nest-apps.js';

afterEach(closeApps);

const CONFIGURATION = { name: 'LockConfigurationError', code: 'LOCK_CONFIGURATION' };

describe('@Exclusive refuses, when the class is loaded,', () => {
  it('a static method', () => {
    const error = loadError(() => {
      class Jobs {
        @Exclusive('job')
        static async run(): Promise<void> {}

        readonly name = 'jobs';
      }
      return Jobs;
    });
    expect(error).toMatchObject(CONFIGURATION);
    expect(error.message).toMatch(/@Exclusive\("job"\).*static.*"run".*Nest constructs/);
  });

  it('a getter', () => {
    const error = loadError(() => {
      class Jobs {
        @Exclusive()
        get next(): number {
          return 1;
        }
      }
      return Jobs;
    });
    expect(error).toMatchObject(CONFIGURATION);
    expect(error.message).toMatch(/@Exclusive\(\) must decorate a method; "next"/);
  });

  it('a property that holds an arrow function, as TypeScript does', () => {
    const error = loadError(() => {
      class Jobs {
        // @ts-expect-error a decorator of methods
        @Exclusive('job')
        run = async (): Promise<void> => {};
      }
      return Jobs;
    });
    expect(error).toMatchObject(CONFIGURATION);
    expect(error.message).toMatch(/@Exclusive\("job"\) must decorate a method; "run"/);
  });

  it('a class, as TypeScript does', () => {
    const error = loadError(() => {
      // @ts-expect-error a decorator of methods
      @Exclusive('job')
      class Jobs {}
      return Jobs;
    });
    expect(error).toMatchObject(CONFIGURATION);
    expect(error.message).toContain('On a class, write @Exclusive.defaults(options).');
  });

  it('a wait that is not a duration, and names the remedy', () => {
    const endless = loadError(() => Exclusive('job', { whenBusy: 'wait', wait: true as never }));
    expect(endless).toMatchObject(CONFIGURATION);
    expect(endless.message).toContain('without it a call waits for as long as it takes');
  });

  it('use without parentheses, as TypeScript does', () => {
    const error = loadError(() => {
      class Jobs {
        // @ts-expect-error it is a factory
        @Exclusive
        async run(): Promise<void> {}
      }
      return Jobs;
    });
    expect(error).toMatchObject(CONFIGURATION);
  });

  it.each<[what: string, name: unknown, told: string[]]>([
    ['an empty name', '', ['must not be empty', '""']],
    ['a blank name', ' ', ['must not be empty', '" "']],
    ['a name with a line break', 'a\nb', ['control characters', String.raw`"a\nb"`]],
    ['a name with a NUL', 'a\0b', ['control characters']],
    ['a name with braces', 'job:{id}', ['braces', '"job:{id}"']],
    ['a name of 513 bytes', 'a'.repeat(513), ['512 bytes', 'aaa']],
    ['a name of 171 characters in 513 bytes', '日'.repeat(171), ['512 bytes']],
    ['a name that is a number', 42, ['must be a string', '42']],
    ['a name that is null', null, ['must be a string', 'null']],
    ['a name that is a bigint', 42n, ['must be a string', '42']],
    ['options in place of the name', { ttl: 5000 }, ['@Exclusive(undefined, { … })']],
  ])('%s', (_what, name, told) => {
    const error = loadError(() => Exclusive(name as string));
    expect(error).toMatchObject(CONFIGURATION);
    for (const part of ['@Exclusive', ...told]) expect(error.message).toContain(part);
  });

  it.each<[what: string, options: unknown, told: string[]]>([
    ['an unknown option', { lease: 5 }, ['lease', '@Exclusive("job")', 'Known options', 'ttl']],
    ['an option of the module', { prefix: 'a' }, ['prefix', '@Exclusive("job")', 'Known options']],
    ['a ttl that is too short', { ttl: 5 }, ['ttl = 5', 'from 100']],
    ['a ttl that is text', { ttl: 'x' }, ['ttl = "x"', 'number of milliseconds']],
    ['renewals that are too rare', { ttl: 1000, renewEvery: 900 }, ['ttl = 1000', 'renewEvery = 900']],
    ['renewals without a ttl', { renewEvery: 1000 }, ['renewEvery = 1000', 'ttl: 3000']],
    ['a number for options', 5000, ['must be an object', '5000', '@Exclusive("job")']],
    ['null for options', null, ['must be an object', 'null', '@Exclusive("job")']],
  ])('%s', (_what, options, told) => {
    const error = loadError(() => Exclusive('job', options as ExclusiveOptions));
    expect(error).toMatchObject(CONFIGURATION);
    for (const part of told) expect(error.message).toContain(part);
  });

  it('no name of 512 bytes', () => {
    expect(() => Exclusive('a'.repeat(512))).not.toThrow();
  });
});

describe('an application without the module', () => {
  @Injectable()
  class Jobs {
    @Exclusive()
    async run(): Promise<void> {}
  }

  it('does not start if a provider has a decorated method, and says what to import', async () => {
    await expect(compileApp({ locks: null, providers: [Jobs] })).rejects.toThrow(
      /Jobs.*ExclusiveLockModule\.forRoot\(\)/s,
    );
  });

  it('does not start if a controller has a decorated method', async () => {
    await expect(compileApp({ locks: null, controllers: [Jobs] })).rejects.toThrow(
      /Jobs.*ExclusiveLockModule\.forRoot\(\)/s,
    );
  });
});
