import { jest } from '@jest/globals';
import { CommandBatcher } from '../../../../lib/stores/redis/command-batcher.js';

const WITHIN = 1000;

let isBusy: boolean;
/** The commands: kind and requests of each. */
let asked: string[][];
/** The milliseconds that each of them gets. */
let times: number[];
let batcher: CommandBatcher;

beforeEach(() => {
  isBusy = true;
  asked = [];
  times = [];
  batcher = new CommandBatcher(() => isBusy);
});

/** Requests that are answered in capitals. */
function upperCase(name: string) {
  return batcher.batched<string, string>(
    (request, within) => {
      asked.push([name, request]);
      times.push(within);
      return Promise.resolve(request.toUpperCase());
    },
    (requests, within) => {
      asked.push([name, ...requests]);
      times.push(within);
      return Promise.resolve(requests.map((request) => request.toUpperCase()));
    },
  );
}

describe('requests that are made together', () => {
  it('go in one command, and each has its own reply', async () => {
    const ask = upperCase('kind');
    const replies = Promise.all([ask('a', WITHIN), ask('b', WITHIN), ask('c', WITHIN)]);
    expect(asked).toEqual([]);
    await expect(replies).resolves.toEqual(['A', 'B', 'C']);
    expect(asked).toEqual([['kind', 'a', 'b', 'c']]);
  });

  it('go in one command if each is made by a timer of its own, as at a tick of many jobs', async () => {
    const ask = upperCase('kind');
    const timers = ['a', 'b', 'c'].map(
      (request) => new Promise((resolve) => setTimeout(() => resolve(ask(request, WITHIN)), 5)),
    );
    await expect(Promise.all(timers)).resolves.toEqual(['A', 'B', 'C']);
    expect(asked).toEqual([['kind', 'a', 'b', 'c']]);
  });

  it('do not go with requests that are made later', async () => {
    const ask = upperCase('kind');
    await Promise.all([ask('a', WITHIN), ask('b', WITHIN)]);
    await Promise.all([ask('c', WITHIN), ask('d', WITHIN)]);
    expect(asked.map(([, ...requests]) => requests)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it('go even if a test has fake timers', async () => {
    jest.useFakeTimers();
    try {
      const ask = upperCase('kind');
      await expect(Promise.all([ask('a', WITHIN), ask('b', WITHIN)])).resolves.toEqual(['A', 'B']);
    } finally {
      jest.useRealTimers();
    }
  });

  it('go at once while nothing is under way', async () => {
    isBusy = false;
    const ask = upperCase('kind');
    const replies = [ask('a', WITHIN), ask('b', WITHIN)];
    expect(asked).toHaveLength(2);
    await expect(Promise.all(replies)).resolves.toEqual(['A', 'B']);
  });

  it('do not overtake collected requests, even if nothing is under way any more', async () => {
    const ask = upperCase('kind');
    const first = ask('a', WITHIN);
    isBusy = false;
    await expect(Promise.all([first, ask('b', WITHIN)])).resolves.toEqual(['A', 'B']);
    expect(asked).toEqual([['kind', 'a', 'b']]);
  });

  it('go in their order, so that only neighbours of one kind share a command', async () => {
    const [first, second] = [upperCase('first'), upperCase('second')];
    const replies = [second('a', WITHIN), second('b', WITHIN), first('c', WITHIN), second('d', WITHIN)];
    await expect(Promise.all(replies)).resolves.toEqual(['A', 'B', 'C', 'D']);
    expect(asked).toEqual([
      ['second', 'a', 'b'],
      ['first', 'c'],
      ['second', 'd'],
    ]);
  });

  it('go before a command that is sent after a flush, and only once', async () => {
    const ask = upperCase('kind');
    const replies = Promise.all([ask('a', WITHIN), ask('b', WITHIN)]);
    batcher.flush();
    expect(asked).toHaveLength(1);
    await expect(replies).resolves.toEqual(['A', 'B']);
    expect(asked).toHaveLength(1);
  });

  it('do not share a command if their time limits differ', async () => {
    const ask = upperCase('kind');
    await Promise.all([ask('a', 1000), ask('b', 1000), ask('c', 500)]);
    expect(asked).toEqual([
      ['kind', 'a', 'b'],
      ['kind', 'c'],
    ]);
  });

  it('have the rest of their time, counted from when they were made', async () => {
    const ask = upperCase('kind');
    const replies = Promise.all([ask('a', WITHIN), ask('b', WITHIN)]);
    const until = performance.now() + 20;
    while (performance.now() < until);
    await replies;
    expect(times[0]).toBeLessThanOrEqual(WITHIN - 20);
  });

  it('go in parts, so that the first are answered while the rest is being sent', async () => {
    const ask = upperCase('kind');
    const replies = Array.from({ length: 250 }, (_, i) => ask(`n${i}`, WITHIN));
    await replies[0];
    expect(asked).toHaveLength(1);
    await Promise.all(replies);
    expect(asked).toHaveLength(3);
  });

  it('go all at once before a command that is sent after a flush, even between two parts', async () => {
    const ask = upperCase('kind');
    const replies = Array.from({ length: 250 }, (_, i) => ask(`n${i}`, WITHIN));
    await replies[0];
    batcher.flush();
    expect(asked.map((command) => command.length - 1)).toEqual([100, 100, 50]);
    await Promise.all(replies);
    expect(asked).toHaveLength(3);
  });

  it('go in commands of 100 at most', async () => {
    const ask = upperCase('kind');
    const names = Array.from({ length: 250 }, (_, i) => `n${i}`);
    const replies = await Promise.all(names.map((name) => ask(name, WITHIN)));
    expect(replies).toEqual(names.map((name) => name.toUpperCase()));
    expect(asked.map((command) => command.length - 1)).toEqual([100, 100, 50]);
  });
});

describe('a command that fails', () => {
  it('fails each of its requests, and no other', async () => {
    const failure = new Error('refused');
    const ask = batcher.batched<string, string>(
      () => Promise.reject(failure),
      (requests) => (requests.includes('bad') ? Promise.reject(failure) : Promise.resolve([...requests])),
    );
    const bad = [ask('bad', WITHIN), ask('with it', WITHIN)];
    const good = [ask('good', 500), ask('better', 500)];
    const results = await Promise.allSettled([...bad, ...good, ask('alone', 1)]);
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason))).toEqual([
      failure,
      failure,
      'good',
      'better',
      failure,
    ]);
  });
});

it('does not wait for a reply that is a promise', async () => {
  const { promise, resolve } = withResolvers<string>();
  const ask = batcher.batched<string, string>(
    (request) => Promise.resolve(request),
    ([, ...others]) => Promise.resolve([promise, ...others]),
  );
  const [late, early] = [ask('late', WITHIN), ask('early', WITHIN)];
  await expect(early).resolves.toBe('early');
  resolve('in the end');
  await expect(late).resolves.toBe('in the end');
});

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
