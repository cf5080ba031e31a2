/** A table in Markdown, its columns as wide as they must be; the first is text, the others are figures. */
export function table(columns, rows) {
  const all = [columns, ...rows];
  const widths = columns.map((_, i) => Math.max(3, ...all.map((row) => row[i].length)));
  const line = (cells) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(columns), line(rule), ...rows.map(line)].join('\n');
}
