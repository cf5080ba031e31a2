import { hostname } from 'node:os';
import { LockConfigurationError } from '../../../lib/common/errors.js';
import type { Holder } from '../../../lib/common/holder.js';
import { HolderIdentity, parseHolder } from '../../../lib/core/holder.js';

describe('the stored record of a holder', () => {
  it('names replica, host, process, time and contents', () => {
    const before = Date.now();

    const holder = described(new HolderIdentity('web-1'), { job: [1, 'two', null] });

    const { since, ...rest } = holder;
    expect(rest).toEqual({
      replica: 'web-1',
      host: hostname(),
      pid: process.pid,
      contents: { job: [1, 'two', null] },
    });
    expect(since?.getTime()).toBeGreaterThanOrEqual(before);
    expect(since?.getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('names the replica by host and process unless it has a name', () => {
    expect(described(new HolderIdentity(), 1).replica).toBe(`${hostname()}:${process.pid}`);
  });
});

describe('the owner of an acquisition', () => {
  it('differs for every acquisition, and for every process of the same name', () => {
    const [one, two] = [new HolderIdentity('web-1'), new HolderIdentity('web-1')];

    const owners = [one, one, two, two].map((identity) => identity.newOwner());

    expect(new Set(owners).size).toBe(4);
  });

  it('contains 96 random bits or more, in 32 plain characters at most', () => {
    const owner = new HolderIdentity().newOwner();

    expect(Buffer.from(owner.split('.')[0], 'base64url').length * 8).toBeGreaterThanOrEqual(96);
    expect(owner).toMatch(/^[\w.-]{1,32}$/);
  });

  it('is not shown to others', () => {
    const holder = described(new HolderIdentity('web-1'), 'x');

    expect(Object.keys(holder).toSorted()).toEqual(['contents', 'host', 'pid', 'replica', 'since']);
  });
});

describe('contents', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;

  it.each([
    ['a cycle', cycle],
    ['a bigint', 1n],
    ['a bigint inside', { deep: [1n] }],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
  ])('that JSON cannot represent are refused: %s', (_, contents) => {
    const write = (): unknown => new HolderIdentity().describe(contents);

    expect(write).toThrow(LockConfigurationError);
    expect(write).toThrow(/^contents must be a value that JSON can represent/);
  });

  it.each([[null], [0], [''], [false], ['text'], [[1, 2]], [{ a: { b: 1 } }]])('may be %p', (contents) => {
    expect(described(new HolderIdentity(), contents).contents).toEqual(contents);
  });

  it('may be left out', () => {
    expect(described(new HolderIdentity(), undefined).contents).toBeUndefined();
  });
});

describe('a text that another program has stored', () => {
  it.each([
    ['1', 1],
    ['"text"', 'text'],
    ['text', 'text'],
    ['', ''],
    ['{"broken', '{"broken'],
    ['null', null],
    ['true', true],
    ['[1,2]', [1, 2]],
    ['{"job":7}', { job: 7 }],
    ['{"token":"t"}', { token: 't' }],
    ['12345678901234567890', 12345678901234567000],
    ['1.0', 1],
    ['"q"', 'q'],
  ])('%p is all contents, and its text is kept as raw', (text, contents) => {
    expect(parseHolder({ owner: undefined, holder: text })).toEqual({ contents, raw: text });
  });
});

function described(identity: HolderIdentity, contents: unknown): Holder {
  return parseHolder({ owner: identity.newOwner(), holder: identity.describe(contents) });
}
