// Every replica loads this file first. Its stdin is a pipe from the demo. The pipe closes when the demo ends, for whatever
// reason, and then the replica exits.
import { Socket } from 'node:net';

process.stdin.on('close', () => process.exit()).resume();
// Otherwise the open pipe would keep a replica running after it was told to stop.
if (process.stdin instanceof Socket) process.stdin.unref();
