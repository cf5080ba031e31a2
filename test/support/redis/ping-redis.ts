import { connect } from 'node:net';

/**
 * Whether the Redis on this port of 127.0.0.1 is process `pid` and serves commands: it may still be loading
 * its data, and another server may have taken the port in between.
 */
export function answersPing(port: number, pid: number): Promise<boolean> {
  return new Promise((resolve) => {
    let reply = '';
    const socket = connect({ port, host: '127.0.0.1', timeout: 1000 }, () => {
      socket.write('INFO server\r\nPING\r\nQUIT\r\n');
    });
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => (reply += text));
    socket.once('timeout', () => socket.destroy());
    socket.once('error', () => socket.destroy());
    socket.once('close', () => resolve(isReady(reply, pid)));
  });
}

function isReady(reply: string, pid: number): boolean {
  const wantsPassword = reply.startsWith('-NOAUTH');
  return wantsPassword || (reply.includes('+PONG') && reply.includes(`process_id:${pid}\r\n`));
}
