// Bundles the application in each way, starts three replicas of each with clocks 150 ms apart, and demands that each
// tick of each job is run once: node bundles.mjs [bundle ...]
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';

const TICKS = 20;
const SKEWS = [0, 150, 300];
const JOBS = ['decorated', 'dynamic'];

/** What Nest loads only where it is installed, and this application does without. */
const OPTIONAL = [
  '@nestjs/microservices',
  '@nestjs/platform-express',
  '@nestjs/websockets',
  'class-transformer',
  'class-validator',
];
const isOptional = (request) => OPTIONAL.some((name) => request === name || request.startsWith(`${name}/`));

async function esbuild(options) {
  const { build } = await import('esbuild');
  await build({
    entryPoints: ['src/main.ts'],
    bundle: true,
    platform: 'node',
    target: 'node20',
    external: OPTIONAL.flatMap((name) => [name, `${name}/*`]),
    logLevel: 'error',
    ...options,
  });
  return options.outfile;
}

/** So that what is CommonJS in it can load modules of Node. */
const REQUIRE =
  "import { createRequire as newRequire } from 'node:module'; const require = newRequire(import.meta.url);";
const esm = (outfile, options) =>
  esbuild({ format: 'esm', outfile, mainFields: ['module', 'main'], banner: { js: REQUIRE }, ...options });

async function webpack() {
  const { default: pack } = await import('webpack');
  const compiler = pack({
    mode: 'production',
    target: 'node20',
    entry: './dist/main.js',
    output: { path: join(process.cwd(), 'bundle'), filename: 'webpack.cjs' },
    externals: [
      ({ request }, callback) => (isOptional(request) ? callback(null, `commonjs ${request}`) : callback()),
    ],
    // Nest looks for optional packages by names that it computes.
    ignoreWarnings: [/Critical dependency/],
  });
  const stats = await new Promise((resolve, reject) =>
    compiler.run((error, result) => (error ? reject(error) : resolve(result))),
  );
  if (stats.hasErrors()) throw new Error(stats.toString('errors-only'));
  return 'bundle/webpack.cjs';
}

const BUNDLES = {
  'esbuild-cjs-minified': () => esbuild({ format: 'cjs', outfile: 'bundle/esbuild.cjs', minify: true }),
  'webpack-production': webpack,
  'esbuild-esm': () => esm('bundle/esbuild.mjs', {}),
  'esbuild-esm-minified': () => esm('bundle/esbuild.min.mjs', { minify: true }),
};

class Replica {
  constructor(file, prefix, skew) {
    const { CONSUMER_REDIS_URL: REDIS, ...env } = process.env;
    this.process = spawn(process.execPath, ['--require', './skewed-clock.cjs', file], {
      env: { ...env, REDIS, PREFIX: prefix, SKEW: String(skew) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = once(this.process, 'close');
    this.lines = [];
    this.complaints = '';
    process.once('exit', () => this.process.kill('SIGKILL'));
    createInterface({ input: this.process.stdout }).on('line', (line) => this.lines.push(line));
    this.process.stderr.on('data', (chunk) => (this.complaints += chunk));
  }

  /** @returns what it ran, after its end */
  async stop() {
    this.process.kill('SIGTERM');
    await this.ended;
    return this.runs;
  }

  get runs() {
    return this.lines.filter((line) => line.startsWith('{"job"')).map((line) => JSON.parse(line));
  }
}

/** Until each job has had enough ticks, however busy the machine is. */
async function check(name) {
  const file = await BUNDLES[name]();
  const replicas = SKEWS.map((skew) => new Replica(file, `${name}-${process.pid}`, skew));
  const ticksOf = (job) => [
    ...new Set(replicas.flatMap(({ runs }) => runs.filter((run) => run.job === job)).map(({ tick }) => tick)),
  ];
  while (JOBS.some((job) => ticksOf(job).length < TICKS)) {
    const dead = replicas.find(
      ({ process: { exitCode, signalCode } }) => exitCode !== null || signalCode !== null,
    );
    if (dead) throw new Error(`${name}: a replica ended: ${dead?.complaints}${dead?.lines.join('\n')}`);
    // It would run in every replica, and never come to the end.
    if (JOBS.some((job) => ticksOf(job).includes(undefined))) break;
    await sleep(100);
  }
  const runs = (await Promise.all(replicas.map((replica) => replica.stop()))).flat();
  for (const job of JOBS) {
    const ticks = runs.filter((run) => run.job === job).map(({ tick }) => tick);
    for (const tick of ticks) assert.ok(Number.isInteger(tick), `${name}: ${job} ran for no tick`);
    assert.equal(ticks.length, new Set(ticks).size, `${name}: ${job} ran ${ticks.length} times`);
    console.log(`${name}: ${job}: ${new Set(ticks).size} ticks, ${ticks.length} runs`);
  }
}

const wanted = process.argv.slice(2);
const results = await Promise.allSettled(wanted.map(check));
for (const { reason } of results) if (reason) console.error(reason);
process.exit(results.some(({ status }) => status === 'rejected') ? 1 : 0);
