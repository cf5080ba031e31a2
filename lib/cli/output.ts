import { styleText } from 'node:util';
import { printable, tableLines, type CellStyle, type Column } from './table.js';

/** Where a command writes: stdout, or what a test has in its place. */
export interface Terminal {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Its width. */
  readonly columns?: number;
}

/** What a command says: for people, or with `--json` one object a line. */
export class Output {
  readonly isJson: boolean;
  readonly #terminal: Terminal;
  readonly #hasColours: boolean;

  constructor(terminal: Terminal, env: NodeJS.ProcessEnv, isJson: boolean) {
    this.#terminal = terminal;
    this.isJson = isJson;
    this.#hasColours = terminal.isTTY === true && !env['NO_COLOR'];
  }

  /** A line for people, and what it says as an object. */
  say(text: string, object: object): void {
    this.#line(this.isJson ? JSON.stringify(object, jsonValue) : printable(text));
  }

  /** A table for people, or an object a line. */
  table<T extends object>(columns: readonly Column<T>[], rows: readonly T[], ifNone: string): void {
    if (this.isJson) return rows.forEach((row) => this.say('', row));
    if (rows.length === 0) return this.#line(ifNone);
    for (const line of tableLines(columns, rows, this.#width, this.paint)) this.#line(line);
  }

  /** Fields of one thing for people, or the whole as an object. */
  fields(fields: Readonly<Record<string, string | undefined>>, object: object): void {
    if (this.isJson) return this.say('', object);
    const shown = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
    const width = Math.max(...shown.map(([name]) => name.length));
    for (const [name, text] of shown)
      this.#line(`${this.paint('dim', name.padEnd(width))}  ${printable(text)}`);
  }

  /** A text in a style, if this is a terminal. */
  readonly paint = (style: CellStyle, text: string): string =>
    this.#hasColours ? styleText(style, text, { validateStream: false }) : text;

  /** Of what is no terminal, lines may be as long as they like. */
  get #width(): number {
    return this.#terminal.isTTY ? (this.#terminal.columns ?? 80) : Infinity;
  }

  #line(text: string): void {
    this.#terminal.write(`${text}\n`);
  }
}

/** JSON knows no infinity. */
function jsonValue(_key: string, value: unknown): unknown {
  return value === Infinity ? null : value;
}
