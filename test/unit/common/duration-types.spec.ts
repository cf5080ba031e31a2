import { problemsOf } from '../../support/type-check.js';

/** What the compiler says of a value where a duration belongs. */
const problemsOfDurations = (...values: string[]): string[] =>
  problemsOf(
    values.map(
      (value) => `
        import type { Duration } from 'nestjs-exclusive-lock';
        declare const seconds: number;
        declare const unit: 's' | 'm';
        declare const text: string;
        export const duration: Duration = ${value};
        export const values: unknown[] = [seconds, unit, text];`,
    ),
  );

/** What the compiler says of code that may use all that takes durations. */
const problemsOfUses = (...uses: string[]): string[] =>
  problemsOf(
    uses.map(
      (use) => `
        import { Exclusive, ExclusiveLockModule, openLocks, type ExclusiveLockService } from 'nestjs-exclusive-lock';
        import { LockTestKit } from 'nestjs-exclusive-lock/testing';
        declare const locks: ExclusiveLockService;
        declare const kit: LockTestKit;
        declare const work: () => Promise<void>;
        export const use = () => ${use};
        export const values: unknown[] = [Exclusive, ExclusiveLockModule, openLocks, LockTestKit, locks, kit, work];`,
    ),
  );

/** Everything that takes durations, each of them written as `%`. */
const USES = [
  "ExclusiveLockModule.forRoot({ store: 'memory', ttl: % })",
  "ExclusiveLockModule.forRoot({ store: 'memory', renewEvery: % })",
  "ExclusiveLockModule.forRoot({ store: 'memory', commandTimeout: % })",
  "ExclusiveLockModule.forRoot({ store: 'memory', drainTimeout: % })",
  'ExclusiveLockModule.forRootAsync({ useFactory: () => ({ ttl: % }) })',
  "openLocks({ store: 'memory', ttl: % })",
  "openLocks({ store: 'memory', drainTimeout: % })",
  ...['ttl', 'renewEvery', 'maxHold', 'wait', 'retryFor', 'minGap', 'remember', 'standbyTimeout'].flatMap(
    (option) => [`Exclusive('a', { ${option}: % })`, `Exclusive.defaults({ ${option}: % })`],
  ),
  ...['ttl', 'renewEvery', 'maxHold', 'wait', 'retryFor'].map(
    (option) => `locks.run('a', work, { ${option}: % })`,
  ),
  ...['ttl', 'renewEvery', 'maxHold', 'wait'].map((option) => `locks.acquire('a', { ${option}: % })`),
  ...['ttl', 'renewEvery', 'maxHold'].map((option) => `locks.lock('a', { ${option}: % })`),
  "locks.run('a', work, { occurrence: { gap: % } })",
  "locks.run('a', work, { occurrence: { key: 'v1', remember: % } })",
  'kit.clock.advance(%)',
  'kit.clock.standStill(%)',
  'kit.downFor(%)',
  "kit.holdElsewhere('a', { ttl: % })",
];

describe('a duration', () => {
  it('compiles as a number, and as a string of a number and its unit', () => {
    const units = [
      'msec',
      'millisecond',
      'sec',
      'second',
      'min',
      'minute',
      'hr',
      'hour',
      'day',
      'week',
      'yr',
    ];
    const problems = problemsOfDurations(
      '5_000',
      'seconds * 1000',
      ...['ms', 's', 'm', 'h', 'd', 'w', 'y', 'year', 'years'].map((short) => `'1.5${short}'`),
      ...units.flatMap((unit) => [`'1 ${unit}'`, `'2${unit}s'`]),
      '`${seconds}s`',
      '`${seconds} ${unit}`',
      "process.env['TTL'] as Duration",
    );
    expect(problems).toEqual([]);
  });

  it('does not compile as anything else', () => {
    const values = [
      "'30 bananas'",
      "'5000'",
      "'1.5'",
      "'s'",
      "''",
      "'1h30m'",
      "'thirty s'",
      "'5 months'",
      'text',
      '`${text}s`',
      "process.env['TTL']",
      'true',
      'null',
      '5n',
      'new Date()',
    ];
    const problem = expect.stringMatching(/^Type .* is not assignable to type/);
    expect(problemsOfDurations(...values)).toEqual(values.map(() => problem));
  });

  it('compiles wherever there is one, with a number or a string', () => {
    expect(
      problemsOfUses(...['5_000', "'5s'"].flatMap((it) => USES.map((use) => use.replace('%', it)))),
    ).toEqual([]);
  });

  it('does not compile anywhere with another unit', () => {
    const problems = problemsOfUses(...USES.map((use) => use.replace('%', "'30 bananas'")));
    expect(problems.filter((problem) => problem.includes('"30 bananas"'))).toHaveLength(USES.length);
  });

  it('means that a method may be skipped where it is a minGap, however it is written', () => {
    const block = `
      import { Exclusive } from 'nestjs-exclusive-lock';
      export class Jobs {
        @Exclusive('a', { whenBusy: 'throw', minGap: '5m' }) async run(): Promise<string> { return ''; }
      }`;
    expect(problemsOf([block])).toEqual([expect.stringContaining('a skipped call resolves to undefined')]);
  });
});
