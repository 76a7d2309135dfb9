/**
 * One line of CSV (RFC 4180). A cell that a spreadsheet would take for a formula has an apostrophe before it: names and reasons
 * come from outside (CWE-1236).
 */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
