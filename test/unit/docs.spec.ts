import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'benchmark/README.md',
  ...readdirSync(join(ROOT, 'docs')).map((file) => `docs/${file}`),
];

const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

describe('the examples of', () => {
  it.each([
    ['README.md', 3],
    ['docs/events.md', 2],
    ['docs/migrating-from-exclusive-lock.md', 1],
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
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, link]) => link);
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(page), link)))).toEqual([]);
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

/** Whether a file has a test with this title, alone or behind a table of `it.each`. */
function hasTest(spec: string, title: string): boolean {
  return ['it(', ')('].some((call) => spec.replace(/\(\s+/g, '(').includes(`${call}'${title}'`));
}

/** Type-checks each block as a module of its own, with the settings of this project. */
function problemsOf(blocks: readonly string[]): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  // Stricter than this project is: users may be.
  options.exactOptionalPropertyTypes = true;
  const files = new Map(blocks.map((code, i) => [join(ROOT, `test/unit/readme-example-${i}.ts`), code]));
  const host = ts.createCompilerHost(options);
  const disk = { ...host };
  host.fileExists = (path) => files.has(path) || disk.fileExists(path);
  host.getSourceFile = (path, target, ...rest) => {
    const code = files.get(path);
    return code === undefined
      ? disk.getSourceFile(path, target, ...rest)
      : ts.createSourceFile(path, code, target);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((path) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(path))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
  );
}
