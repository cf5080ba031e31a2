import { TurnBatches } from '../../../../lib/stores/redis/turn-batches.js';

const WITHIN = 1000;

let isBusy: boolean;
/** What was asked, command by command. */
let asked: string[][];
let batches: TurnBatches;

beforeEach(() => {
  isBusy = true;
  asked = [];
  batches = new TurnBatches(() => isBusy);
});

/** Questions that are answered in capitals. */
function upperCase(name: string) {
  return batches.kind<string, string>({
    askOne(request, within) {
      asked.push([name, `${within}`, request]);
      return Promise.resolve(request.toUpperCase());
    },
    askMany(requests, within) {
      asked.push([name, `${within}`, ...requests]);
      return Promise.resolve(requests.map((request) => request.toUpperCase()));
    },
  });
}

describe('the questions of one turn', () => {
  it('are asked with one command, and each has its own answer', async () => {
    const ask = upperCase('kind');
    const replies = Promise.all([ask('a', WITHIN), ask('b', WITHIN), ask('c', WITHIN)]);
    expect(asked).toEqual([]);
    await expect(replies).resolves.toEqual(['A', 'B', 'C']);
    expect(asked).toEqual([['kind', '1000', 'a', 'b', 'c']]);
  });

  it('are asked with another one in the next turn', async () => {
    const ask = upperCase('kind');
    await Promise.all([ask('a', WITHIN), ask('b', WITHIN)]);
    await Promise.all([ask('c', WITHIN), ask('d', WITHIN)]);
    expect(asked.map(([, , ...requests]) => requests)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it('are asked at once while nothing is under way', async () => {
    isBusy = false;
    const ask = upperCase('kind');
    const replies = [ask('a', WITHIN), ask('b', WITHIN)];
    expect(asked).toHaveLength(2);
    await expect(Promise.all(replies)).resolves.toEqual(['A', 'B']);
  });

  it('are not asked before those that wait, though nothing is under way any more', async () => {
    const ask = upperCase('kind');
    const first = ask('a', WITHIN);
    isBusy = false;
    await expect(Promise.all([first, ask('b', WITHIN)])).resolves.toEqual(['A', 'B']);
    expect(asked).toEqual([['kind', '1000', 'a', 'b']]);
  });

  it('are asked in their order, so that only neighbours of one kind go together', async () => {
    const [first, second] = [upperCase('first'), upperCase('second')];
    const replies = [second('a', WITHIN), second('b', WITHIN), first('c', WITHIN), second('d', WITHIN)];
    await expect(Promise.all(replies)).resolves.toEqual(['A', 'B', 'C', 'D']);
    expect(asked).toEqual([
      ['second', '1000', 'a', 'b'],
      ['first', '1000', 'c'],
      ['second', '1000', 'd'],
    ]);
  });

  it('are asked before what is sent right after them', async () => {
    const ask = upperCase('kind');
    const replies = Promise.all([ask('a', WITHIN), ask('b', WITHIN)]);
    batches.send();
    expect(asked).toHaveLength(1);
    await expect(replies).resolves.toEqual(['A', 'B']);
    expect(asked).toHaveLength(1);
  });

  it('are asked separately where they have not the same time', async () => {
    const ask = upperCase('kind');
    await Promise.all([ask('a', 1000), ask('b', 1000), ask('c', 500)]);
    expect(asked).toEqual([
      ['kind', '1000', 'a', 'b'],
      ['kind', '500', 'c'],
    ]);
  });

  it('are not more in one command than the server can answer in a moment', async () => {
    const ask = upperCase('kind');
    const names = Array.from({ length: 250 }, (_, i) => `n${i}`);
    const replies = await Promise.all(names.map((name) => ask(name, WITHIN)));
    expect(replies).toEqual(names.map((name) => name.toUpperCase()));
    expect(asked.map((command) => command.length - 2)).toEqual([100, 100, 50]);
  });
});

describe('a command that fails', () => {
  it('is the answer to each of its questions, and to no other', async () => {
    const failure = new Error('refused');
    const ask = batches.kind<string, string>({
      askOne: () => Promise.reject(failure),
      askMany: (requests) =>
        requests.includes('bad') ? Promise.reject(failure) : Promise.resolve([...requests]),
    });
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

it('an answer that takes another question keeps up no other', async () => {
  const { promise, resolve } = withResolvers<string>();
  const ask = batches.kind<string, string>({
    askOne: (request) => Promise.resolve(request),
    askMany: ([, ...others]) => Promise.resolve([promise, ...others]),
  });
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
