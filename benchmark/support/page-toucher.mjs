// A worker that reads a byte of each page of a process, again and again, until it is ended.
import { openSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';

const PAGE = 4096;
/** Milliseconds between two rounds. */
const PAUSE = 5;
/** An entry of the page map has 8 bytes; the highest bit of the last one says that the page is there. */
const ENTRY = 8;
const LAST = 7;
const PRESENT = 0x80;

const folder = `/proc/${workerData.pid}`;
const memory = openSync(`${folder}/mem`);
const pageMap = openSync(`${folder}/pagemap`);
const entries = Buffer.alloc(1024 * ENTRY);
const byte = Buffer.alloc(1);

/** Files and anonymous memory that may be read; what the kernel has there, like [vvar], may not. */
function areas() {
  const lines = readFileSync(`${folder}/maps`, 'utf8').split('\n');
  return lines
    .map((line) => /^(\w+)-(\w+) r\S+ \S+ \S+ \d+\s*(\[heap\]|\[stack\]|[^[]*)$/.exec(line))
    .filter(Boolean)
    .map(([, start, end]) => [parseInt(start, 16) / PAGE, parseInt(end, 16) / PAGE]);
}

function touch(firstPage, endPage) {
  for (let page = firstPage; page < endPage; page += entries.length / ENTRY) {
    const count = Math.min(entries.length / ENTRY, endPage - page);
    readSync(pageMap, entries, 0, count * ENTRY, page * ENTRY);
    for (let i = 0; i < count; i++) {
      if (entries[i * ENTRY + LAST] & PRESENT) readSync(memory, byte, 0, 1, (page + i) * PAGE);
    }
  }
}

for (;;) {
  for (const [firstPage, endPage] of areas()) touch(firstPage, endPage);
  await sleep(PAUSE);
}
