import { SPECS_LEFT_OUT } from './test/support/tested-stores.mjs';

const base = {
  testEnvironment: 'node',
  roots: ['<rootDir>/lib', '<rootDir>/test'],
  testPathIgnorePatterns: ['/node_modules/', ...SPECS_LEFT_OUT],
  // They have package.json files and builds of their own, which jest would take for part of this package.
  modulePathIgnorePatterns: ['<rootDir>/test/consumers/', '<rootDir>/.*/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nestjs-exclusive-lock$': '<rootDir>/lib/index.ts',
    '^nestjs-exclusive-lock/locks$': '<rootDir>/lib/locks/index.ts',
    '^nestjs-exclusive-lock/board$': '<rootDir>/lib/board/index.ts',
    '^nestjs-exclusive-lock/postgres$': '<rootDir>/lib/stores/postgres/index.ts',
    '^nestjs-exclusive-lock/mysql$': '<rootDir>/lib/stores/mysql/index.ts',
    '^nestjs-exclusive-lock/opentelemetry$': '<rootDir>/lib/opentelemetry/index.ts',
    '^nestjs-exclusive-lock/terminus$': '<rootDir>/lib/terminus/index.ts',
    '^nestjs-exclusive-lock/testing$': '<rootDir>/lib/testing/index.ts',
    '^nestjs-exclusive-lock/etcd$': '<rootDir>/lib/stores/etcd/index.ts',
    // Sources import './x.js', as Node needs it after the build; here it is still x.ts.
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
      },
    ],
  },
};

const realServers = {
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
};

const project = (displayName, options) => ({
  ...base,
  displayName,
  testMatch: [`<rootDir>/test/${displayName}/**/*.spec.ts`],
  ...options,
});

export default {
  // Most tests wait for servers and processes. The default, one less than the cores, would be one on two.
  maxWorkers: 4,
  projects: [
    project('unit'),
    project('integration', realServers),
    project('e2e', realServers),
    project('faults', realServers),
  ],
  // For several waits, each of which gives up by itself: see test/support/hang.ts. Limits are for hangs, not for speed.
  testTimeout: 300_000,
  coverageProvider: 'v8',
  collectCoverageFrom: ['lib/**/*.ts', '!lib/**/index.ts'],
};
