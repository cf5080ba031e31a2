import { escapeBraces, unescapeBraces } from '../../../lib/common/braces.js';

describe('a name as part of a key', () => {
  it.each([
    ['rebuild:42', 'rebuild:42'],
    ['50 %', '50 %'],
    ['a%20b', 'a%20b'],
    ['{a}', '%7Ba%7D'],
    ['%7B', '%257B'],
    ['%25', '%2525'],
    ['%{', '%%7B'],
  ])('of %p is %p', (name, escaped) => {
    expect(escapeBraces(name)).toBe(escaped);
  });

  it('belongs to exactly one name', () => {
    const parts = ['{', '}', '%', '2', '5', '7', 'B', 'D'];
    let names = [''];
    const seen = new Set<string>();
    for (let length = 1; length <= 5; length++) {
      names = names.flatMap((name) => parts.map((part) => name + part));
      for (const name of names) {
        const escaped = escapeBraces(name);
        if (/[{}]/.test(escaped) || unescapeBraces(escaped) !== name) throw new Error(`${name}: ${escaped}`);
        seen.add(escaped);
      }
    }
    expect(seen.size).toBe(8 + 8 ** 2 + 8 ** 3 + 8 ** 4 + 8 ** 5);
  });
});
