import { hostname } from 'node:os';
import process from 'node:process';

/** What a server shows for a connection of this replica: printable characters without spaces. */
export function connectionName(replica = `${hostname()}:${process.pid}`): string {
  return `exclusive-lock:${replica}`.replace(/[^!-~]/g, '-');
}
