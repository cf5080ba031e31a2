// Installs the packed library into real applications, compiles them, runs them and checks what they did:
//   node test/consumers/run.mjs [consumer ...]
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consumers } from './consumers.mjs';
import { CommandError, run } from './support/command.mjs';
import { openRedis } from './support/redis.mjs';
import { pack, prepare } from './support/workspace.mjs';

const AT_ONCE = 2;
/** The applications notice themselves when they do not end; this is for a machine with much else to do. */
const RUN_LIMIT = 60_000;
const TAIL_LINES = 40;

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
const chosen = choose(process.argv.slice(2));
const temp = mkdtempSync(join(tmpdir(), 'consumers-'));
process.on('exit', () => rmSync(temp, { recursive: true, force: true }));
let failed = chosen.length;
try {
  failed = await testAll();
} catch (error) {
  console.log(`FAILED ${describe(error)}`);
}
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

function choose(names) {
  const unknown = names.filter((name) => !consumers.some((consumer) => consumer.name === name));
  if (unknown.length === 0) return consumers.filter(({ name }) => names.length === 0 || names.includes(name));
  console.error(
    `No such consumer: ${unknown.join(', ')}. There are: ${consumers.map(({ name }) => name).join(', ')}`,
  );
  process.exit(1);
}

/** @returns how many failed */
async function testAll() {
  const tarball = await pack(join(temp, 'package'));
  const redis = await openRedis(join(temp, 'redis'));
  const queue = [...chosen];
  let failures = 0;
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      if (!(await test(next, tarball, redis.url))) failures++;
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    await redis.stop();
  }
  return failures;
}

async function test(consumer, tarball, redisUrl) {
  const folder = join(temp, consumer.name);
  const begun = performance.now();
  const report = (result, more = '') =>
    console.log(`${result} ${consumer.name} (${((performance.now() - begun) / 1000).toFixed(1)} s)${more}`);
  try {
    await prepare(consumer, folder, tarball);
    const runs = consumer.runs.filter(({ needsRedis }) => !needsRedis || redisUrl);
    const results = await Promise.allSettled(runs.map((one) => start(one, folder, redisUrl)));
    const bad = results.find(({ status }) => status === 'rejected');
    if (bad) throw bad.reason;
    report('ok ', runs.length < consumer.runs.length ? ', without Redis' : '');
    return true;
  } catch (error) {
    report('FAILED', `: ${describe(error)}`);
    return false;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function start({ args, env, silent, limit = RUN_LIMIT }, folder, redisUrl) {
  // What the tests' own environment says of stores is not the consumer's.
  const { REDIS_URL: _, NODE_ENV: __, ...inherited } = process.env;
  const output = await run(process.execPath, args, {
    cwd: folder,
    env: { ...inherited, CONSUMER_REDIS_URL: redisUrl ?? '', ...env },
    limit,
  }).catch((error) => {
    error.message += Object.entries(env ?? {}).map(([name, value]) => ` (${name}=${value})`);
    throw error;
  });
  // Such as a warning of Node's. cron's own, of a busy machine, is none of ours.
  if (silent && output.replace(/^\[Cron\] Missed execution deadline.*\n/gm, '') !== '')
    throw new CommandError('wrote something', output);
}

/** What went wrong, and the end of what was written. */
function describe(error) {
  const lines = (error.output ?? error.stack).trimEnd().split('\n').slice(-TAIL_LINES);
  return [error.message, ...lines.map((line) => `  | ${line}`)].join('\n');
}
