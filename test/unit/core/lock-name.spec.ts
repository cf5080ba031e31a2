import { LockConfigurationError } from '../../../lib/common/errors.js';
import { checkName } from '../../../lib/core/lock-name.js';

describe('a lock name', () => {
  it.each(['a', 'Reports.nightly', 'rebuild:42', 'ünïcödé ✓', 'a b', '__proto__', 'x'.repeat(512)])(
    'may be %p',
    (name) => {
      expect(() => checkName(name)).not.toThrow();
    },
  );

  it.each([
    ['', 'must not be empty'],
    [' ', 'must not be empty'],
    ['\u00a0', 'must not be empty'],
    ['a\nb', 'must not contain control characters'],
    ['a\0', 'must not contain control characters'],
    ['a\u007f', 'must not contain control characters'],
    ['a\u0085', 'must not contain control characters'],
    ['{a', 'or braces'],
    ['a}', 'or braces'],
    ['x'.repeat(513), 'at most 512 bytes'],
    ['é'.repeat(257), 'at most 512 bytes'],
    [undefined, 'must be a string; got undefined'],
    [null, 'must be a string; got null'],
    [42, 'must be a string; got 42'],
    [{}, 'must be a string; got an object'],
    [['a'], 'must be a string; got an array'],
  ])('may not be %p', (name, problem) => {
    const check = (): void => checkName(name);

    expect(check).toThrow(LockConfigurationError);
    expect(check).toThrow(problem);
    expect(check).toThrow(/^A lock name /);
  });

  it('is shown in its error, cut to 80 characters', () => {
    expect(() => checkName('y'.repeat(600))).toThrow(`"${'y'.repeat(80)}…"`);
  });

  it('shares its rules with a prefix, whose error says so', () => {
    expect(() => checkName('{', 'prefix')).toThrow(/^prefix must not contain/);
  });
});
