import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { applicationName } from '../../../lib/common/application-name.js';

let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'application-name-')));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, content: unknown): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** The name where Node was started with this script, in this folder. */
const nameOf = (script: string | undefined, { cwd = '.', env = {} } = {}): string | undefined =>
  applicationName({
    argv: script === undefined ? ['node'] : ['node', join(root, script)],
    cwd: join(root, cwd),
    env,
  });

describe('the name of an application', () => {
  beforeEach(() => {
    write('shop/package.json', { name: '@company/shop' });
    write('shop/dist/package.json', { type: 'commonjs' });
    write('shop/dist/main.js', '');
  });

  it.each([
    ['node dist/main.js', 'shop/dist/main.js', { cwd: 'shop' }],
    ['npm start, whose script is node dist/main', 'shop/dist/main', { cwd: 'shop' }],
    ['node dist', 'shop/dist', { cwd: 'shop' }],
    ['node /app/dist/main.js, in another folder', 'shop/dist/main.js', { cwd: '/' }],
    ['nest start, ts-node or tsx of a source', 'shop/src/main.ts', { cwd: 'shop' }],
    ['jest', 'shop/node_modules/jest/bin/jest.js', { cwd: 'shop' }],
    ['a worker of jest', 'shop/node_modules/jest-worker/build/processChild.js', { cwd: 'shop' }],
    ['jest of the root of a monorepo', 'node_modules/jest/bin/jest.js', { cwd: 'shop' }],
    ['node --eval', undefined, { cwd: 'shop' }],
    ['node --eval, in a folder below', undefined, { cwd: 'shop/dist' }],
  ])('is the same for %s', (_how, script, options) => {
    expect(nameOf(script, options)).toBe('@company/shop');
  });

  it.each(['ProcessContainerFork.js', 'ProcessContainer.js'])(
    'is the same for pm2 start (%s)',
    (container) => {
      const env = { pm_exec_path: join(root, 'shop/dist/main.js') };
      write('pm2/package.json', { name: 'pm2' });
      expect(nameOf(`pm2/lib/${container}`, { env })).toBe('@company/shop');
    },
  );

  it('is not that of npm if pm2 starts npm', () => {
    const env = { pm_exec_path: '/usr/lib/node_modules/npm/bin/npm-cli.js' };
    expect(nameOf('shop/dist/main.js', { env })).toBe('@company/shop');
  });

  it('is found through a link to the script', () => {
    mkdirSync(join(root, 'bin'));
    symlinkSync(join(root, 'shop/dist/main.js'), join(root, 'bin/shop'));
    expect(nameOf('bin/shop')).toBe('@company/shop');
  });

  it('differs within a monorepo', () => {
    write('package.json', { name: 'company' });
    write('admin/package.json', { name: 'admin' });
    expect(nameOf('shop/dist/main.js')).toBe('@company/shop');
    expect(nameOf('admin/dist/main.js')).toBe('admin');
  });

  it('differs within a monorepo with one package.json, by the folder in apps', () => {
    write('package.json', { name: 'company' });
    expect(nameOf('dist/apps/api/main.js')).toBe('company/api');
    expect(nameOf('apps/api/src/main.ts')).toBe('company/api');
    expect(nameOf('dist/apps/admin/main.js')).toBe('company/admin');
    expect(nameOf('dist/apps.js')).toBe('company');
  });

  it.each([
    ['no JSON', '{'],
    ['no object', 'null'],
    ['a name that is no text', { name: 5 }],
    ['an empty name', { name: '' }],
    ['a name with a line break', { name: 'a\nb' }],
  ])('does not come from a package.json with %s', (_what, content) => {
    write('shop/package.json', content);
    write('package.json', { name: 'company' });
    expect(nameOf('shop/dist/main.js')).toBe('company');
  });

  it('is unknown if there is no package.json', () => {
    write('alone/main.js', '');
    expect(nameOf('alone/main.js', { cwd: 'shop' })).toBeUndefined();
    expect(nameOf('gone/main.js', { cwd: 'shop' })).toBeUndefined();
  });

  it('is the name of this package in this test', () => {
    expect(applicationName()).toBe('nestjs-exclusive-lock');
  });
});
