// A worker that reads a byte of each page that a process has in memory, again and again, and says after each round so.
import { execFileSync } from 'node:child_process';
import { openSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

/** Milliseconds between two rounds. */
const PAUSE = 5;
const PAGE = Number(execFileSync('getconf', ['PAGESIZE']));

const folder = `/proc/${workerData.pid}`;
const memory = openSync(`${folder}/mem`);
const pageMap = openSync(`${folder}/pagemap`);
/** Entries of the page map; the sign bit says that the page is there. */
const entries = new BigInt64Array(1024);
const byte = Buffer.alloc(1);

/** First page and end of what may be read; what the kernel has there, like [vvar], may not. */
function areas() {
  const lines = readFileSync(`${folder}/maps`, 'utf8').matchAll(/^(\w+)-(\w+) r(?!.*\[v)/gm);
  return Array.from(lines, ([, start, end]) => [parseInt(start, 16) / PAGE, parseInt(end, 16) / PAGE]);
}

function touch(firstPage, endPage) {
  for (let page = firstPage; page < endPage; page += entries.length) {
    const length = Math.min(entries.length, endPage - page) * entries.BYTES_PER_ELEMENT;
    const count =
      readSync(pageMap, entries, 0, length, page * entries.BYTES_PER_ELEMENT) / entries.BYTES_PER_ELEMENT;
    for (let i = 0; i < count; i++) if (entries[i] < 0n) readByte((page + i) * PAGE);
  }
}

function readByte(position) {
  try {
    readSync(memory, byte, 0, 1, position);
  } catch {
    // Given back in the meantime.
  }
}

for (;;) {
  for (const [firstPage, endPage] of areas()) touch(firstPage, endPage);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that of a window
  parentPort.postMessage('touched');
  await sleep(PAUSE);
}
