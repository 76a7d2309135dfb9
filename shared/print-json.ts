let isWritten = false;

/** Writes the one JSON document of a verb with `--json` to standard output. */
export function printJson(value: unknown): void {
  isWritten = true;
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Whether a verb has said in JSON what there was to say. */
export function wasJsonPrinted(): boolean {
  return isWritten;
}
