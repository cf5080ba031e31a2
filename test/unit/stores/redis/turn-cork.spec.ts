import { Writable } from 'node:stream';
import type { RedisClient } from '../../../../lib/stores/redis/open-redis-client.js';
import { TurnCork } from '../../../../lib/stores/redis/turn-cork.js';

/** A socket that notes what would be one system call each. */
class Wire extends Writable {
  readonly calls: string[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.calls.push(String(chunk));
    setImmediate(done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.calls.push(chunks.map(({ chunk }) => String(chunk)).join('+'));
    setImmediate(done);
  }
}

const single = (wire: Wire | undefined): RedisClient => ({ stream: wire }) as unknown as RedisClient;
const clusterOf = (wires: Wire[]): RedisClient =>
  ({ nodes: () => wires.map((stream) => ({ stream })) }) as unknown as RedisClient;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the commands of a connection', () => {
  let wire: Wire;
  let cork: TurnCork;

  const send = (command: string, to = wire): void => {
    cork.begin();
    to.write(command);
  };

  beforeEach(() => {
    wire = new Wire();
    cork = new TurnCork(single(wire));
  });

  it('are sent at once where each is alone', async () => {
    for (const command of ['a', 'b']) {
      send(command);
      expect(wire.calls.at(-1)).toBe(command);
      cork.end();
      await turn();
    }
    expect(wire.calls).toEqual(['a', 'b']);
  });

  it('go together where one turn asks for many, the first excepted', async () => {
    for (const command of ['a', 'b', 'c', 'd']) send(command);
    expect(wire.calls).toEqual(['a']);

    await turn();
    await turn();

    expect(wire.calls).toEqual(['a', 'b+c+d']);
  });

  it('go together with those that a promise asks for in the same turn', async () => {
    send('a');
    await turn();
    send('b');
    void Promise.resolve()
      .then(() => send('c'))
      .then(() => send('d'));

    await turn();
    await turn();

    expect(wire.calls).toEqual(['a', 'b+c+d']);
  });

  it('do not wait for a later turn', async () => {
    for (const command of ['a', 'b']) send(command);
    await turn();
    await turn();
    for (const command of ['c', 'd']) send(command);
    await turn();

    expect(wire.calls).toEqual(['a', 'b', 'c+d']);
    expect(wire.writableCorked).toBe(0);
  });

  it('are held back by nothing where there is no socket, nor by one that has ended', async () => {
    new TurnCork(single(undefined)).begin();
    const reconnecting = new TurnCork(single(undefined));
    reconnecting.begin();
    reconnecting.begin();

    for (const command of ['a', 'b']) send(command);
    wire.destroy();
    await turn();

    expect(wire.writableCorked).toBe(0);
    expect(wire.calls).toEqual(['a']);
  });

  it('go together to each node of a cluster', async () => {
    const wires = [new Wire(), new Wire()];
    cork = new TurnCork(clusterOf(wires));
    send('a', wires[0]);
    await turn();
    for (const command of ['b', 'c']) for (const node of wires) send(command, node);

    await turn();
    await turn();

    expect(wires.map(({ calls }) => calls)).toEqual([['a', 'b+c'], ['b+c']]);
  });
});
