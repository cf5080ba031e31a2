/** One column of a table. */
export interface Column<T> {
  readonly title: string;
  /** The text of one cell. Undefined: there is none. */
  text(row: T): string | undefined;
  /** How the cell looks on a terminal. */
  style?(row: T): CellStyle | undefined;
  /** Numbers stand to the right. */
  readonly isNumber?: boolean;
}

export type CellStyle = 'green' | 'red' | 'yellow' | 'dim';

const GAP = '  ';
/** The least width of a column that is cut short. */
const NARROWEST = 8;

/**
 * The lines of a table. If it is wider than `width`, the widest columns are cut short.
 *
 * @param paint puts a cell into its style
 */
export function tableLines<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  width: number,
  paint: (style: CellStyle, text: string) => string,
): string[] {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row) ?? '-')));
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...cells.map((row) => lengthOf(row[i]))),
  );
  fit(widths, width - GAP.length * (columns.length - 1));
  const line = (texts: readonly string[], style?: (i: number) => CellStyle | undefined): string =>
    texts
      .map((text, i) => {
        const cell = pad(cut(text, widths[i]), widths[i], columns[i].isNumber);
        const how = style?.(i);
        return how ? paint(how, cell) : cell;
      })
      .join(GAP)
      .trimEnd();
  const titles = columns.map(({ title }) => title);
  return [line(titles, () => 'dim'), ...cells.map((row, r) => line(row, (i) => columns[i].style?.(rows[r])))];
}

/** Without what a terminal would take for a command: names and errors come from others. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\u{FFFD}');
}

/** Takes from the widest columns until all fit. */
function fit(widths: number[], room: number): void {
  for (let over = sum(widths) - room; over > 0; over--) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest] <= NARROWEST) return;
    widths[widest]--;
  }
}

function cut(text: string, width: number): string {
  return lengthOf(text) <= width
    ? text
    : `${Array.from(text)
        .slice(0, width - 1)
        .join('')}…`;
}

function pad(text: string, width: number, isNumber = false): string {
  const space = ' '.repeat(width - lengthOf(text));
  return isNumber ? space + text : text + space;
}

const lengthOf = (text: string): number => Array.from(text).length;
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
