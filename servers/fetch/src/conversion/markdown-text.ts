// The small forms of Markdown: escapes, lines, code, tables.

const MAX_COLUMNS = 100;
const MAX_CELLS = 500_000;
const LONG_CELL = 2000;

/** Only what would be read as something else; every further backslash is noise to a reader. */
export function escapeMarkdown(text: string): string {
  return text
    .replaceAll(/[\\`*[\]]/g, String.raw`\$&`)
    .replaceAll(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, String.raw`\_`)
    .replaceAll(/<(?=[a-zA-Z/!?]|$)/g, String.raw`\<`);
}

/** One paragraph of the parts of a line; `\n` in them are line breaks. */
export function toLine(parts: readonly string[], isEscaped: boolean): string {
  const lines = parts
    .join('')
    .split('\n')
    .map((line) => line.replaceAll(/ {2,}/g, ' ').trim())
    .map((line) =>
      isEscaped
        ? line
            .replace(/^(#{1,6}|[-+>])(?=\s|$)/, String.raw`\$1`)
            .replace(/^(\d{1,9})([.)])(?=\s|$)/, String.raw`$1\$2`)
        : line,
    );
  return lines
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim();
}

function longestRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 0);
}

export function toCodeSpan(text: string): string {
  const code = text.replaceAll(/\s+/g, ' ');
  const inner = code.trim();
  if (inner === '') return code;
  const ticks = '`'.repeat(longestRun(inner) + 1);
  const pad = inner.startsWith('`') || inner.endsWith('`') ? ' ' : '';
  const [before, after] = [code.startsWith(' ') ? ' ' : '', code.endsWith(' ') ? ' ' : ''];
  return `${before}${ticks}${pad}${inner}${pad}${ticks}${after}`;
}

export function toCodeBlock(text: string, language: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}${language}\n${text}\n${fence}`;
}

/** A table as a table, unless it only arranges the page: then its cells follow each other as blocks. */
export function renderTable(rows: readonly (readonly string[])[], isMarkdown: boolean): string {
  const columns = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const isLayout =
    columns < 2 ||
    rows.some((row) => row.some((cell) => cell.length > LONG_CELL || /\n\n|^```|\n\|/.test(cell)));
  if (isLayout) {
    return rows
      .flat()
      .filter((cell) => cell !== '')
      .join('\n\n');
  }
  const toCell = (cell: string) => cell.replaceAll('\n', ' ').replaceAll('|', String.raw`\|`);
  if (!isMarkdown || columns > MAX_COLUMNS || columns * rows.length > MAX_CELLS)
    return rows.map((row) => row.map((cell) => cell.replaceAll('\n', ' ')).join(' | ')).join('\n');
  const toRow = (row: readonly string[]) =>
    `| ${Array.from({ length: columns }, (_, index) => toCell(row[index] ?? '')).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [toRow(head), `|${' --- |'.repeat(columns)}`, ...body.map(toRow)].join('\n');
}
