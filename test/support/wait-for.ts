/**
 * Resolves with the first truthy answer of `condition`, asked every `interval` ms; rejects after `timeout` ms, naming
 * `what`: long enough for a machine that is busy with other things, for who waits no longer than it takes loses nothing by it.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeout = 60_000, interval = 50 }: { timeout?: number; interval?: number } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const end = performance.now() + timeout;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await condition();
      if (answer) return answer as Exclude<T, false | null | undefined>;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= end)
      throw new Error(`waited ${timeout} ms in vain for ${what}`, { cause: lastError });
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}
