// Keeps every element with `data-live="/path"` like that path's answer: fetched again when the coordinator says that something
// changed. `data-live-on`: names of events of /events, `changed` if it is not there.
import { leave } from './leave.js';
import { morph } from './morph.js';
import { signInAgain } from './sign-in-again.js';

const LONGEST_WAIT = 5_000;
/** Before a lost stream is told: one that comes back at once is no news. */
const PATIENCE = 700;
/** Before a part that could not be made is asked for again. */
const FAILED_WAIT = 1_000;

let source = null;
let wasOpen = false;
let attempts = 0;
let retry;
let telling;
const listeners = new Map();

/** Calls back at each event of that name from the coordinator's stream; its data is text. */
export function onEvent(name, callback) {
  if (!listeners.has(name)) {
    listeners.set(name, new Set());
    source?.addEventListener(name, dispatch);
  }
  listeners.get(name).add(callback);
  connect();
}

/** Fetches all live parts of the page again, or those that an event is about. */
export async function refresh(name) {
  const parts = [...document.querySelectorAll('[data-live]')].filter(
    (part) => name === undefined || (part.dataset.liveOn ?? 'changed').split(' ').includes(name),
  );
  await Promise.all(parts.map(refreshPart));
}

const running = new WeakMap();

/** One fetch at a time for each part; what comes meanwhile makes one more. */
function refreshPart(part) {
  const now = running.get(part);
  if (now) {
    now.again = true;
    return now.promise;
  }
  const state = { again: false, promise: null };
  state.promise = (async () => {
    do {
      state.again = false;
      await fetchPart(part);
    } while (state.again);
  })().finally(() => running.delete(part));
  running.set(part, state);
  return state.promise;
}

async function fetchPart(part) {
  const url = part.dataset.live;
  let answer;
  try {
    answer = await fetch(url, {
      redirect: 'manual',
      headers: { Accept: 'text/html', 'Warren-Refresh': '1' },
    });
  } catch {
    return; // the stream tells that the coordinator is away
  }
  if (answer.status === 401 || answer.type === 'opaqueredirect') return signInAgain();
  if (answer.status === 404 && part.dataset.liveGone) return leave(part.dataset.liveGone);
  if (answer.status >= 500) {
    // The database was away for a moment, say, and nobody tells when it is back.
    setTimeout(() => part.isConnected && !document.hidden && void refreshPart(part), FAILED_WAIT);
    return;
  }
  if (!answer.ok) return;
  const text = await answer.text();
  if (part.dataset.live !== url) return; // it shows something else by now
  morph(part, new DOMParser().parseFromString(text, 'text/html').body);
  part.dispatchEvent(new CustomEvent('warren:refreshed', { bubbles: true }));
}

function dispatch(event) {
  for (const callback of listeners.get(event.type) ?? []) callback(event.data);
  if (!document.hidden) void refresh(event.type);
}

/** Not for a tab that nobody sees: over HTTP/1.1 a browser has six connections to a host, for all tabs together. */
function connect() {
  if (source || document.hidden) return;
  source = new EventSource('/events');
  source.addEventListener('open', () => {
    clearTimeout(telling);
    telling = undefined;
    // What happened before is not told again.
    void refresh();
    if (wasOpen) for (const callback of listeners.get('changed') ?? []) callback('');
    wasOpen = true;
    attempts = 0;
    tell(false);
  });
  source.addEventListener('error', lost);
  for (const name of listeners.keys()) source.addEventListener(name, dispatch);
}

function disconnect() {
  source?.close();
  source = null;
  clearTimeout(retry);
  clearTimeout(telling);
  telling = undefined;
}

async function lost() {
  source.close();
  source = null;
  telling ??= setTimeout(() => tell(true), PATIENCE);
  clearTimeout(retry);
  const wait = Math.min(LONGEST_WAIT, 500 * 2 ** attempts++) * (0.75 + Math.random() / 2);
  retry = setTimeout(connect, wait);
  // An EventSource does not tell why it failed; a session that ended would never come back.
  const answer = await fetch('/api/v1/me', { redirect: 'manual', headers: { 'Warren-Refresh': '1' } }).catch(
    () => null,
  );
  if (answer && (answer.status === 401 || answer.type === 'opaqueredirect')) signInAgain();
}

function tell(isLost) {
  const place = document.getElementById('stream-state');
  if (!place || isLost === place.childElementCount > 0) return;
  place.replaceChildren();
  if (!isLost) return;
  const notice = document.createElement('p');
  notice.className = 'banner warn';
  notice.textContent =
    'The connection to the coordinator was lost. What you see may be old; this page is trying to get it back. ';
  const again = document.createElement('button');
  again.type = 'button';
  again.className = 'small';
  again.textContent = 'Try now';
  again.addEventListener('click', () => {
    clearTimeout(retry);
    connect();
  });
  notice.append(again);
  place.append(notice);
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) disconnect();
  else if (listeners.size > 0) connect();
});

// After all modules of the page, so that those with listeners have told theirs.
addEventListener('DOMContentLoaded', () => {
  const wanted = [...document.querySelectorAll('[data-live]')];
  for (const part of wanted) {
    for (const name of (part.dataset.liveOn ?? 'changed').split(' ')) {
      if (!listeners.has(name)) listeners.set(name, new Set());
    }
  }
  if (wanted.length > 0) connect();
});
