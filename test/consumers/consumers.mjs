/**
 * The consumers: who uses the package, with which versions of what. Majors are pinned, so that each stays the
 * combination that it is for.
 *
 * - `template`: the folder in `templates` that holds the application
 * - `examples`: which code blocks of docs/testing.md it runs, and where they are put
 * - `runs`: how it is started; a run that needs Redis is left out without one, a `silent` one must write nothing; `limit`
 *   in milliseconds where it takes longer than others
 */

const nest = (major) => ({
  '@nestjs/common': `^${major}.0.0`,
  '@nestjs/core': `^${major}.0.0`,
  'reflect-metadata': '^0.2.0',
  rxjs: '^7.0.0',
});
const typescript = (version) => ({ typescript: `~${version}.0`, '@types/node': '^20.0.0' });

const jestExamples = { 'reports.ts': 'src/reports.ts', 'reports.jest.ts': 'src/reports.spec.ts' };
const vitestExamples = { 'reports.ts': 'src/reports.ts', 'reports.vitest.ts': 'src/reports.spec.ts' };

const MAIN = ['dist/main.js'];
const onStore = (store) => ({
  args: MAIN,
  env: { CONSUMER_STORE: store },
  needsRedis: store === 'redis',
  silent: true,
});

/** A job that runs while its application is closed, beside databases in all sorts of modules. */
const SHUTDOWN = { args: ['dist/shutdown.js'], silent: true };

/** Three replicas of each bundle, for twenty ticks. */
const bundles = (...names) => ({ args: ['bundles.mjs', ...names], needsRedis: true, limit: 180_000 });

/** What the health indicator says while the store answers, and while it does not. */
const health = (...expected) =>
  ['memory', 'away'].map((store, i) => ({
    args: MAIN,
    env: { CONSUMER_STORE: store, CONSUMER_EXPECTS: JSON.stringify(expected[i]) },
    silent: true,
  }));

export const consumers = [
  // It takes the longest, so it begins first.
  {
    name: 'nest-11-cjs-jest',
    template: 'jest',
    examples: jestExamples,
    dependencies: {
      ...nest(11),
      ...typescript('5.9'),
      '@nestjs/schedule': '^6.0.0',
      '@nestjs/testing': '^11.0.0',
      '@types/jest': '^30.0.0',
      jest: '^30.0.0',
      'ts-jest': '^29.0.0',
    },
    compilerOptions: { module: 'CommonJS', moduleResolution: 'Node10', types: ['node', 'jest'] },
    runs: [{ args: ['node_modules/jest/bin/jest.js'] }],
  },
  {
    name: 'nest-10-cjs-jest',
    template: 'jest',
    examples: jestExamples,
    dependencies: {
      ...nest(10),
      ...typescript('5.9'),
      '@nestjs/schedule': '^4.0.0',
      '@nestjs/testing': '^10.0.0',
      '@types/jest': '^29.0.0',
      jest: '^29.0.0',
      'ts-jest': '^29.0.0',
    },
    compilerOptions: { module: 'CommonJS', moduleResolution: 'Node10', types: ['node', 'jest'] },
    runs: [{ args: ['node_modules/jest/bin/jest.js'] }],
  },
  {
    name: 'nest-11-bundles',
    template: 'bundle',
    dependencies: {
      ...nest(11),
      ...typescript('6.0'),
      '@nestjs/schedule': '^6.0.0',
      esbuild: '^0.28.0',
      ioredis: '^5.0.0',
      webpack: '^5.0.0',
    },
    compilerOptions: { module: 'Node16', moduleResolution: 'Node16' },
    runs: [bundles('esbuild-cjs-minified', 'webpack-production')],
  },
  {
    name: 'nest-12-bundles',
    template: 'bundle',
    type: 'module',
    dependencies: {
      ...nest(12),
      ...typescript('6.0'),
      '@nestjs/schedule': '^12.0.0',
      esbuild: '^0.28.0',
      ioredis: '^6.0.0',
      webpack: '^5.0.0',
    },
    compilerOptions: { module: 'NodeNext', moduleResolution: 'NodeNext' },
    runs: [bundles('esbuild-esm', 'esbuild-esm-minified', 'webpack-production')],
  },
  {
    name: 'nest-11-terminus-11',
    template: 'health',
    dependencies: { ...nest(11), ...typescript('5.9'), '@nestjs/terminus': '^11.0.0', ioredis: '^5.0.0' },
    compilerOptions: { module: 'Node16', moduleResolution: 'Node16' },
    runs: health({ status: 'up' }, { status: 'up', degraded: true }),
  },
  {
    name: 'nest-12-terminus-12',
    template: 'health',
    type: 'module',
    dependencies: { ...nest(12), ...typescript('6.0'), '@nestjs/terminus': '^12.0.0', ioredis: '^6.0.0' },
    compilerOptions: { module: 'NodeNext', moduleResolution: 'NodeNext' },
    runs: health({ status: 'up' }, { status: 'degraded' }),
  },
  {
    name: 'nest-10-cjs',
    template: 'cron',
    dependencies: {
      ...nest(10),
      ...typescript('5.9'),
      '@nestjs/schedule': '^4.0.0',
      'reflect-metadata': '^0.1.13',
    },
    // The target of Nest 10's starter.
    compilerOptions: { module: 'CommonJS', moduleResolution: 'Node10', target: 'ES2021' },
    runs: [onStore('local'), SHUTDOWN],
  },
  {
    name: 'nest-11-cjs-schedule-5',
    template: 'cron',
    dependencies: { ...nest(11), ...typescript('5.9'), '@nestjs/schedule': '^5.0.0' },
    compilerOptions: { module: 'CommonJS', moduleResolution: 'Node10' },
    runs: [onStore('memory'), SHUTDOWN],
  },
  {
    name: 'nest-11-cjs',
    template: 'cron',
    dependencies: {
      ...nest(11),
      ...typescript('6.0'),
      '@nestjs/schedule': '^6.0.0',
      // The oldest that is promised.
      ioredis: '5.0.0',
    },
    compilerOptions: { module: 'Node16', moduleResolution: 'Node16' },
    runs: [onStore('local'), onStore('redis'), SHUTDOWN],
  },
  {
    name: 'nest-12-esm',
    template: 'cron',
    type: 'module',
    dependencies: {
      ...nest(12),
      ...typescript('6.0'),
      '@nestjs/schedule': '^12.0.0',
      ioredis: '^6.0.0',
    },
    compilerOptions: { module: 'NodeNext', moduleResolution: 'NodeNext', verbatimModuleSyntax: true },
    runs: [onStore('local'), onStore('redis'), SHUTDOWN],
  },
  {
    name: 'nest-12-esm-jest',
    template: 'jest-esm',
    type: 'module',
    examples: jestExamples,
    dependencies: {
      ...nest(12),
      ...typescript('6.0'),
      '@nestjs/schedule': '^12.0.0',
      '@nestjs/testing': '^12.0.0',
      '@swc/core': '~1.16.0',
      '@swc/jest': '^0.2.0',
      '@types/jest': '^30.0.0',
      jest: '^30.0.0',
    },
    compilerOptions: { module: 'ESNext', moduleResolution: 'Bundler', types: ['node', 'jest'] },
    runs: [{ args: ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js'] }],
  },
  {
    name: 'nest-12-esm-vitest',
    template: 'vitest',
    type: 'module',
    examples: vitestExamples,
    dependencies: {
      ...nest(12),
      ...typescript('6.0'),
      '@nestjs/schedule': '^12.0.0',
      '@nestjs/testing': '^12.0.0',
      vitest: '^4.0.0',
    },
    // The declarations of vitest need those of its optional peers.
    compilerOptions: { module: 'NodeNext', moduleResolution: 'NodeNext', skipLibCheck: true },
    runs: [{ args: ['node_modules/vitest/vitest.mjs', 'run'] }],
  },
  {
    name: 'no-schedule-no-peers',
    template: 'no-peers',
    dependencies: { ...nest(11), ...typescript('6.0') },
    compilerOptions: { module: 'Node16', moduleResolution: 'Node16' },
    runs: [{ args: MAIN, silent: true }],
  },
  {
    name: 'no-nest-cjs',
    template: 'no-nest',
    dependencies: { ...typescript('5.9'), ioredis: '^5.0.0' },
    compilerOptions: { module: 'CommonJS', moduleResolution: 'Node10' },
    runs: [onStore('memory'), onStore('local'), onStore('redis')],
  },
  {
    name: 'no-nest-esm',
    template: 'no-nest',
    type: 'module',
    dependencies: { ...typescript('6.0'), ioredis: '^6.0.0' },
    compilerOptions: { module: 'NodeNext', moduleResolution: 'NodeNext', verbatimModuleSyntax: true },
    runs: [onStore('memory'), onStore('local'), onStore('redis')],
  },
];
