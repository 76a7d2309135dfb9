/** What to print when the coordinator has other things to say of this host than before. */
export function noticeLines(before: readonly string[], now: readonly string[]): string[] {
  return [
    ...before.filter((notice) => !now.includes(notice)).map((notice) => `no longer: ${notice}`),
    ...now.filter((notice) => !before.includes(notice)).map((notice) => `note: ${notice}`),
  ];
}
