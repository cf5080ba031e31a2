import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { problemsOf } from '../support/type-check.js';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'benchmark/README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

describe('the examples of', () => {
  it.each([
    ['README.md', 4],
    ['docs/scheduled-jobs.md', 1],
    ['docs/methods.md', 2],
    ['docs/locks-by-hand.md', 4],
    ['docs/leader-election.md', 2],
    ['docs/options.md', 1],
    ['docs/events.md', 3],
    ['docs/runs.md', 2],
    ['docs/board.md', 2],
    ['docs/migrating-from-exclusive-lock.md', 1],
    ['docs/standalone.md', 2],
    ['docs/redis.md', 1],
    ['docs/etcd.md', 1],
    ['docs/mysql.md', 2],
    ['docs/postgres.md', 3],
  ])('%s compile', (page, atLeast) => {
    const blocks = [...read(page).matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
    expect(blocks.length).toBeGreaterThanOrEqual(atLeast);
    expect(problemsOf(blocks)).toEqual([]);
  });
});

describe('the examples of docs/testing.md', () => {
  const page = read('docs/testing.md');
  const marked = [...page.matchAll(/<!-- example: ([\w.-]+) -->\s*```ts\n/g)].map(([, name]) => name);

  it('are run by the tests of consumers', () => {
    const consumers = read('test/consumers/consumers.mjs');
    expect(marked).toHaveLength(3);
    expect(marked.filter((name) => !consumers.includes(`'${name}': 'src/`))).toEqual([]);
  });

  it('compile where they are not run', () => {
    const blocks = [...page.matchAll(/(?<! -->\s*)```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
    expect(blocks.length + marked.length).toBe(page.split('```ts\n').length - 1);
    expect(problemsOf(blocks)).toEqual([]);
  });
});

describe('the links of', () => {
  it.each(PAGES)('%s lead somewhere', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)];
    const dead = links.filter(([, file = '', anchor]) => {
      const target = file === '' ? page : join(dirname(page), file);
      return !existsSync(join(ROOT, target)) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
    });
    expect(dead.map(([link]) => link)).toEqual([]);
  });
});

describe('the test files named in docs/guarantees.md', () => {
  it('exist', () => {
    const named = [...read('docs/guarantees.md').matchAll(/`((?:faults|integration|e2e|unit)\/[^`]+)`/g)];
    const missing = named.map(([, path]) => path).filter((path) => !existsSync(join(ROOT, 'test', path)));
    expect(named.length).toBeGreaterThan(10);
    expect(missing).toEqual([]);
  });
});

describe('the tests named in docs/migrating-from-exclusive-lock.md', () => {
  it('exist', () => {
    const section = read('docs/migrating-from-exclusive-lock.md').split('## Behaviour by behaviour')[1] ?? '';
    const specs = [...section.matchAll(/\]\(\.\.\/(test\/[^)]+\.spec\.ts)\)/g)].map(([, path]) => read(path));
    const titles = [...section.matchAll(/\| `([^`]+)` +\|$/gm)].map(([, title]) => title);
    expect(specs.length).toBeGreaterThan(2);
    expect(titles.length).toBeGreaterThan(25);
    expect(titles.filter((title) => !specs.some((spec) => hasTest(spec, title)))).toEqual([]);
  });
});

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(page: string): string[] {
  const headings = [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Whether a file has a test with this title, alone or behind a table of `it.each`. */
function hasTest(spec: string, title: string): boolean {
  return ['it(', ')('].some((call) => spec.replace(/\(\s+/g, '(').includes(`${call}'${title}'`));
}
