#!/usr/bin/env node
import process from 'node:process';
import { runCommandLine } from './main.js';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
// `ls | head -1` ends before everything is written.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

// A lease that waits for its renewal does not keep the process alive.
const alive = setInterval(() => undefined, 60_000);

process.exitCode = await runCommandLine(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  folder: process.cwd(),
  signal: interrupted.signal,
});
clearInterval(alive);
