import { checkDuration } from '../../../lib/common/duration.js';
import { LockConfigurationError } from '../../../lib/common/errors.js';

const LONGEST = 2 ** 31 - 1;
const read = (value: unknown): number => checkDuration('ttl', value, 100);

describe('a duration', () => {
  it.each<[unknown, number]>([
    [5000, 5000],
    [100.5, 100.5],
    [100, 100],
    [LONGEST, LONGEST],
    ['100ms', 100],
    ['30s', 30_000],
    ['30 s', 30_000],
    ['1.5h', 5_400_000],
    ['.5m', 30_000],
    ['5 minutes', 300_000],
    ['1 Day', 86_400_000],
    ['2w', 1_209_600_000],
  ])('of %p is %p milliseconds', (value, milliseconds) => {
    expect(read(value)).toBe(milliseconds);
  });

  it('has whole milliseconds when it is a string', () => {
    expect(read('1.005s')).toBe(1005);
    expect(read('100.4ms')).toBe(100);
  });

  it.each<[unknown, string]>([
    [99, '99'],
    [-5, '-5'],
    [Number.NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [LONGEST + 1, String(LONGEST + 1)],
    [null, 'null'],
    [true, 'true'],
    [5000n, '5000'],
    [{ seconds: 5 }, 'an object'],
    [['30s'], 'an array'],
    ['30 bananas', '"30 bananas"'],
    ['s', '"s"'],
    ['', '""'],
    [' ', '" "'],
    ['99ms', '"99ms"'],
    ['-30s', '"-30s"'],
    ['30s ago', '"30s ago"'],
    ['1h30m', '"1h30m"'],
    ['1e3s', '"1e3s"'],
    ['0x10s', '"0x10s"'],
    ['5 months', '"5 months"'],
    ['NaN', '"NaN"'],
    ['Infinity', '"Infinity"'],
    ['4 weeks', '"4 weeks"'],
    [`${'9'.repeat(90)}h`, `"${'9'.repeat(80)}…"`],
    [`${'9'.repeat(400)}h`, `"${'9'.repeat(80)}…"`],
  ])('cannot be %p, and the error says what it can be', (value, shown) => {
    expect(() => read(value)).toThrow(LockConfigurationError);
    expect(() => read(value)).toThrow(
      `ttl must be a number of milliseconds from 100 to 2147483647, or a string such as '30s'; got ttl = ${shown}.`,
    );
  });

  it.each(['5000', '0', '1.5', '.5', ' 5000 ', '5000\n'])('cannot be %p, which has no unit', (value) => {
    const number = value.trim();
    expect(() => read(value)).toThrow(LockConfigurationError);
    expect(() => read(value)).toThrow(
      "ttl must be a number of milliseconds from 100 to 2147483647, or a string such as '30s'; got ttl = " +
        `${JSON.stringify(value)}, which has no unit. Add one, such as "${number}ms" or "${number}s", or pass a ` +
        'number: Number() converts an environment variable.',
    );
  });

  it('has the shortest and the longest value that its option allows', () => {
    expect(checkDuration('drainTimeout', 0, 0)).toBe(0);
    expect(checkDuration('drainTimeout', '0s', 0)).toBe(0);
    expect(checkDuration('remember', '1y', 1, { longest: 1e12 })).toBe(365.25 * 86_400_000);
    expect(() => checkDuration('commandTimeout', '9ms', 10)).toThrow(
      'commandTimeout must be a number of milliseconds from 10 to',
    );
  });

  it('names what else its option may be', () => {
    expect(() => checkDuration('wait', 'long', 0, { or: 'true' })).toThrow(
      'wait must be a number of milliseconds from 0 to 2147483647, a string such as \'30s\', or true; got wait = "long".',
    );
  });
});
