// Puts two requests of the CommonJS build into one command while nextTick is a fake one.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { CommandBatcher } = require('../../../../dist/cjs/stores/redis/command-batcher.js');
process.nextTick = () => {};
const batcher = new CommandBatcher(() => true);
const ask = batcher.batched(
  async (request) => request,
  async (requests) => requests,
);
const timeUp = new Promise((resolve) => setTimeout(resolve, 5000, 'kept back').unref());
const replies = await Promise.race([Promise.all([ask(1, 10), ask(2, 10)]), timeUp]);
console.log(JSON.stringify(replies));
