// Keeps every element with data-live fresh: when the coordinator says that something changed, its fragment is fetched again.
const live = document.querySelectorAll('[data-live]');
if (live.length > 0) {
  const notice = document.getElementById('stream-lost');
  const refresh = async () => {
    for (const element of live) {
      const answer = await fetch(element.dataset.live);
      if (answer.status === 401) location.assign('/sign-in');
      else if (answer.ok) element.innerHTML = await answer.text();
    }
  };
  const events = new EventSource('/events');
  events.addEventListener('changed', () => refresh().catch(() => {}));
  events.addEventListener('open', () => {
    if (notice) notice.hidden = true;
    refresh().catch(() => {});
  });
  events.addEventListener('error', () => {
    if (notice) notice.hidden = false;
  });
}
