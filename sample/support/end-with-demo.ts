// Loaded by every replica before anything else. Its stdin is a pipe to the demo, which closes when the demo ends,
// however that ends: then the replica ends too.
import { Socket } from 'node:net';

process.stdin.on('close', () => process.exit()).resume();
// The pipe alone does not keep a replica running that is told to stop.
if (process.stdin instanceof Socket) process.stdin.unref();
