import { hostname } from 'node:os';
import { LockConfigurationError } from '../../../lib/common/errors.js';
import { HolderIdentity, parseHolder } from '../../../lib/core/holder.js';

describe('the record of a holder', () => {
  it('tells replica, host, process, time and contents', () => {
    const before = Date.now();

    const holder = parseHolder(new HolderIdentity('web-1').newRecord({ job: [1, 'two', null] }));

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

  it('names the replica after host and process unless it has a name', () => {
    expect(parseHolder(new HolderIdentity().newRecord(1)).replica).toBe(`${hostname()}:${process.pid}`);
  });

  it('differs with every acquisition, and with every process of the same name', () => {
    const [one, two] = [new HolderIdentity('web-1'), new HolderIdentity('web-1')];

    const tokens = [one, one, two, two].map((identity) => token(identity.newRecord(undefined)));

    expect(new Set(tokens).size).toBe(4);
  });

  it('has a token that holds 96 random bits or more', () => {
    const [prefix] = token(new HolderIdentity().newRecord(undefined)).split('.');

    expect(Buffer.from(prefix, 'base64url').length * 8).toBeGreaterThanOrEqual(96);
  });

  it('does not show its token to others', () => {
    const holder = parseHolder(new HolderIdentity('web-1').newRecord('x'));

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
  ])('that JSON cannot hold are refused: %s', (_, contents) => {
    const write = (): unknown => new HolderIdentity().newRecord(contents);

    expect(write).toThrow(LockConfigurationError);
    expect(write).toThrow(/^contents must be a value that JSON can hold/);
  });

  it.each([[null], [0], [''], [false], ['text'], [[1, 2]], [{ a: { b: 1 } }]])('may be %p', (contents) => {
    expect(parseHolder(new HolderIdentity().newRecord(contents)).contents).toEqual(contents);
  });

  it('may be left out', () => {
    expect(parseHolder(new HolderIdentity().newRecord(undefined)).contents).toBeUndefined();
  });
});

describe('the record of another program', () => {
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
  ])('%p is all contents, and kept as raw, the text that it is', (record, contents) => {
    expect(parseHolder(record)).toEqual({ contents, raw: record });
  });
});

function token(record: string): string {
  return (JSON.parse(record) as { token: string }).token;
}
