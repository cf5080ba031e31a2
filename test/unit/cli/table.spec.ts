import { tableLines, type Column } from '../../../lib/cli/table.js';

interface Row {
  readonly name: string;
  readonly count?: number;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', text: ({ name }) => name, style: () => 'green' },
  { title: 'COUNT', text: ({ count }) => count?.toString(), isNumber: true },
];
const plain = (_style: string, text: string): string => text;

describe('a table', () => {
  it('lines its columns up, numbers to the right, with a dash where there is nothing', () => {
    expect(tableLines(COLUMNS, [{ name: 'nightly', count: 12 }, { name: 'a' }], Infinity, plain)).toEqual([
      'NAME     COUNT',
      'nightly     12',
      'a            -',
    ]);
  });

  it('cuts the widest column short where the terminal is narrow', () => {
    const lines = tableLines(COLUMNS, [{ name: 'a-very-long-name-of-a-job', count: 1 }], 20, plain);

    expect(lines).toEqual(['NAME           COUNT', 'a-very-long-…      1']);
  });

  it('keeps some of each column, however narrow the terminal is', () => {
    const [, line] = tableLines(COLUMNS, [{ name: 'a-very-long-name-of-a-job', count: 1 }], 3, plain);

    expect(line).toBe('a-very-…      1');
  });

  it('styles a cell when its width is known', () => {
    const [, line] = tableLines(
      COLUMNS,
      [{ name: 'a', count: 1 }],
      80,
      (style, text) => `<${style}>${text}</>`,
    );

    expect(line).toBe('<green>a   </>      1');
  });

  it('shows no character that a terminal would take for a command', () => {
    const [, line] = tableLines(COLUMNS, [{ name: 'a\nb\u001B[2Jc' }], 80, plain);

    expect(line).toBe('a\u{FFFD}b\u{FFFD}[2Jc      -');
  });
});
