import { problemsOf } from '../../support/type-check.js';

/** What the compiler says of a class with this member, which may use `Exclusive` and an Observable. */
function problemsOfMember(...members: string[]): string[] {
  const blocks = members.map(
    (member) => `
      import { Injectable } from '@nestjs/common';
      import type { Observable } from 'rxjs';
      import { Exclusive } from 'nestjs-exclusive-lock';
      declare const numbers: Observable<number>;
      @Injectable()
      export class Jobs {
        ${member}
      }`,
  );
  return problemsOf(blocks);
}

const NOT_LATER = 'the method must return a Promise, an Observable or an async iterable';
const SKIPPED = 'a skipped call resolves to undefined: add undefined to the return type, or whenBusy';
const MISFIT = 'the parameters of the method do not fit those of the name function';
const NO_METHOD = '@Exclusive must decorate a method, not a property or an arrow function';

describe('@Exclusive compiles on', () => {
  it('methods that return asynchronously, and whose type or options cover skipped calls', () => {
    const problems = problemsOfMember(
      "@Exclusive('a') async run(): Promise<void> {}",
      "@Exclusive('a') async run(id: string): Promise<number | undefined> { return id.length; }",
      "@Exclusive('a') private async run(): Promise<void> {}; start(): Promise<void> { return this.run(); }",
      "@Exclusive('a') run(): any {}",
      "@Exclusive('a') run(): unknown { return 1; }",
      "@Exclusive('a') run(): void | Promise<void> {}",
      "@Exclusive('a') run(): Observable<number> { return numbers; }",
      "@Exclusive('a') async *run() { yield 1; }",
      "@Exclusive('a', { whenBusy: 'throw' }) async run(): Promise<string> { return ''; }",
      "@Exclusive('a', { whenBusy: 'wait', wait: 5 }) async run(): Promise<string> { return ''; }",
      "@Exclusive('a', { whenBusy: 'throw' }) async run<T>(value: T): Promise<T> { return value; }",
      "@Exclusive((id: string) => id, { whenBusy: 'throw' }) async run(id: string, n: number): Promise<string> { return id + n; }",
    );
    expect(problems).toEqual([]);
  });
});

describe('@Exclusive does not compile, and says why, on', () => {
  it.each<[what: string, member: string, why: string]>([
    ['a method that returns nothing', "@Exclusive('a') run(): void {}", NOT_LATER],
    ['a method that returns a value at once', "@Exclusive('a') run(): number { return 1; }", NOT_LATER],
    ['a generator', "@Exclusive('a') *run() { yield 1; }", NOT_LATER],
    [
      'a method whose type does not admit a skipped call',
      "@Exclusive('a') async run(): Promise<string> { return ''; }",
      SKIPPED,
    ],
    [
      'a method that minGap may skip',
      "@Exclusive('a', { whenBusy: 'throw', minGap: 5 }) async run(): Promise<string> { return ''; }",
      SKIPPED,
    ],
    [
      'a method that is skipped while the store is away',
      "@Exclusive('a', { whenBusy: 'throw', whenUnavailable: 'skip' }) async run(): Promise<string> { return ''; }",
      SKIPPED,
    ],
    [
      'a method whose parameters do not fit the name function',
      '@Exclusive((id: number) => `${id}`) async run(id: string): Promise<void> { void id; }',
      MISFIT,
    ],
    ['an arrow function', "@Exclusive('a') run = async () => {};", NO_METHOD],
  ])('%s', (_what, member, why) => {
    const problems = problemsOfMember(member);
    expect(problems).toEqual([expect.stringContaining(why)]);
  });
});
