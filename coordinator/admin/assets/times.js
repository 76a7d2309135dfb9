// Keeps `3 minutes ago` true while the page is open; the words are those of pages/parts/time.ts.
const STEPS = [
  ['year', 365 * 24 * 3600_000],
  ['month', 30 * 24 * 3600_000],
  ['day', 24 * 3600_000],
  ['hour', 3600_000],
  ['minute', 60_000],
];

/** `at`, `now`: milliseconds. */
export function distance(at, now) {
  const away = Math.abs(at - now);
  const step = STEPS.find(([, milliseconds]) => away >= milliseconds);
  if (!step) return at > now ? 'in a moment' : 'just now';
  const count = Math.floor(away / step[1]);
  const words = `${count} ${step[0]}${count === 1 ? '' : 's'}`;
  return at > now ? `in ${words}` : `${words} ago`;
}

setInterval(() => {
  for (const element of document.querySelectorAll('time[data-relative]')) {
    const words = distance(Date.parse(element.dateTime), Date.now());
    if (element.textContent !== words) element.textContent = words;
  }
}, 20_000);
