// Runs what concerns the named stores: the contract, their own tests, and the e2e and fault tests that run on each store.
//   npm run test:stores -- etcd zookeeper [jest options]
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVER_STORES, specsOf } from './support/tested-stores.mjs';

const JEST = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
];
/** What a spec imports that runs on each store. */
const ON_EACH_STORE = /support\/(on-shared-stores|stores|fault-stores)\.js'/;

const args = process.argv.slice(2);
const options = args.findIndex((arg) => arg.startsWith('-'));
const stores = options < 0 ? args : args.slice(0, options);
const unknown = stores.filter((store) => !SERVER_STORES.includes(store));
if (unknown.length > 0 || stores.length === 0) {
  const problem = unknown.length > 0 ? `No such store: ${unknown.join(', ')}.` : 'Name the stores to test.';
  console.error(`${problem} There are: ${SERVER_STORES.join(', ')}.`);
  process.exit(1);
}

const own = stores.map((store) => new RegExp(specsOf(store)));
const root = join(import.meta.dirname, '..');
const specs = readdirSync(import.meta.dirname, { recursive: true })
  .filter((file) => file.endsWith('.spec.ts'))
  .map((file) => join('test', file))
  .filter(
    (file) =>
      own.some((of) => of.test(`/${file}`)) || ON_EACH_STORE.test(readFileSync(join(root, file), 'utf8')),
  );

const { status } = spawnSync(
  process.execPath,
  [...JEST, ...(options < 0 ? [] : args.slice(options)), '--runTestsByPath', ...specs],
  { cwd: root, stdio: 'inherit', env: { ...process.env, TEST_STORES: stores.join(' ') } },
);
process.exitCode = status ?? 1;
