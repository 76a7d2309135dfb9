/** Rows as lines of text, columns aligned: the first row is the heading. Numbers stand to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const rule = widths.map((width) => '─'.repeat(width));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        /^[\d.]+( \S+)?$/.test(cell) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd();
  return [...rows.slice(0, 1), rule, ...rows.slice(1)].map(line).join('\n');
}
