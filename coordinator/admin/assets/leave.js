let isLeaving = false;

/** Goes to another page, once: what wants to go elsewhere meanwhile comes too late. */
export function leave(url) {
  if (isLeaving) return;
  isLeaving = true;
  location.assign(url);
}

// The page may come back as it was, out of the browser's memory.
addEventListener('pageshow', () => {
  isLeaving = false;
});
