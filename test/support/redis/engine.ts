import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findRedisBinary } from './find-redis-binary.js';
import { RedisServer } from './redis-server.js';

const run = promisify(execFile);

/** Whether the server that the tests start knows the command. It is started once more to find out. */
export async function engineKnows(command: string): Promise<boolean> {
  const server = await RedisServer.start();
  const [info] = (await server.client().call('COMMAND', 'INFO', command)) as unknown[];
  await server.close();
  return info !== null;
}

/** Whether `min-replicas-to-write` holds back scripts. KeyDB refuses a SET then, but no script. */
export async function engineGuardsScripts(): Promise<boolean> {
  const { stdout } = await run(await findRedisBinary(), ['--version']);
  return !stdout.startsWith('KeyDB');
}
