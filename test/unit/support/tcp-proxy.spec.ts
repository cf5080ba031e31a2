import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { eventually } from '../../support/eventually.js';
import { portOf } from '../../support/free-port.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

describe('a TCP proxy', () => {
  let echo: Server;
  let atServer: string;
  let proxy: TcpProxy;

  beforeEach(async () => {
    atServer = '';
    echo = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        atServer += bytes.toString();
        socket.write(bytes);
      });
    }).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    proxy = await TcpProxy.start(portOf(echo));
  });

  afterEach(async () => {
    await TcpProxy.closeAll();
    echo.close();
  });

  it('passes bytes on in both directions', async () => {
    const client = await connected();
    client.socket.write('hello');
    await eventually(() => client.received() === 'hello');
  });

  it('keeps the bytes of a held direction until they are released, in order', async () => {
    const client = await connected();
    proxy.hold('toClient');
    const replied = proxy.onceBytes('toClient');
    client.socket.write('one ');
    expect((await replied).toString()).toBe('one ');
    client.socket.write('two');
    await eventually(() => atServer === 'one two');
    expect(client.received()).toBe('');

    proxy.releaseHeld('toClient');
    await eventually(() => client.received() === 'one two');
  });

  it('holds connections made later too', async () => {
    proxy.hold('toServer');
    const client = await connected();
    const sent = proxy.onceBytes('toServer');
    client.socket.write('x');
    await sent;
    expect(atServer).toBe('');
    proxy.heal();
    await eventually(() => client.received() === 'x');
  });

  it('delays the bytes of one direction', async () => {
    const client = await connected();
    proxy.delay('toServer', 60);
    const start = performance.now();
    client.socket.write('x');
    await eventually(() => client.received() === 'x');
    expect(performance.now() - start).toBeGreaterThanOrEqual(60);
  });

  it('throws bytes away as a black hole, and cuts the connection when healed', async () => {
    const client = await connected();
    proxy.drop('toServer');
    const sent = proxy.onceBytes('toServer');
    client.socket.write('lost');
    await sent;
    expect(client.socket.destroyed).toBe(false);

    const closed = once(client.socket, 'close');
    proxy.heal();
    await closed;
    expect(atServer).toBe('');
    const next = await connected();
    next.socket.write('kept');
    await eventually(() => next.received() === 'kept');
  });

  it('leaves connections alone that lost nothing when it is healed', async () => {
    const client = await connected();
    proxy.drop('toServer');
    proxy.heal();
    client.socket.write('x');
    await eventually(() => client.received() === 'x');
  });

  it('cuts connections on both sides', async () => {
    const client = await connected();
    const closed = once(client.socket, 'close');
    proxy.cut();
    await closed;
    await eventually(() => proxy.connections === 0);
  });

  it('refuses new connections while told to', async () => {
    proxy.refuse(true);
    const refused = open();
    await once(refused, 'close');
    proxy.refuse(false);
    const client = await connected();
    client.socket.write('x');
    await eventually(() => client.received() === 'x');
  });

  it('lets each side see the end of the other', async () => {
    const client = await connected();
    client.socket.end('bye');
    await once(client.socket, 'close');
    expect(client.received()).toBe('bye');
    await eventually(() => proxy.connections === 0);
  });

  it('ends a connection to a server that is not there', async () => {
    echo.close();
    await once(echo, 'close');
    await once(open(), 'close');
  });

  function open(): Socket {
    return connect(proxy.port, '127.0.0.1').on('error', () => undefined);
  }

  async function connected(): Promise<{ socket: Socket; received: () => string }> {
    const socket = open();
    let received = '';
    socket.on('data', (bytes) => (received += bytes.toString()));
    await eventually(() => proxy.connections > 0);
    return { socket, received: () => received };
  }
});
