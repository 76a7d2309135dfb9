// The page /map: takes the stream of the picture, and what a person does with it.
import { onEvent, refresh } from './live.js';
import { MapGraph } from './map-graph.js';
import './paths-live.js';

const byId = (id) => document.getElementById(id);
const canvas = byId('map-canvas');
if (canvas) start();

function start() {
  const graph = new MapGraph(canvas, { onMachine: chooseMachine, onGroup: chooseGroup, onPair: choosePair });
  const names = new Map();
  const expanded = new Set();
  let source = null;
  let isPaused = false;
  let leftOut = 0;
  let isGrouped = false;
  /** A group was opened: its machines are to be seen. */
  let hasOpened = false;
  /** The machine that was chosen last: the next one makes a pair with it. */
  let last = '';

  const listen = () => {
    source?.close();
    source = null;
    if (isPaused || document.hidden) return;
    source = new EventSource(`/map/events?expand=${encodeURIComponent([...expanded].join(','))}`);
    source.addEventListener('picture', ({ data }) => {
      const picture = JSON.parse(data);
      isGrouped = picture.isGrouped;
      names.clear();
      take(picture);
      graph.show(picture);
      if (hasOpened) graph.fit();
      hasOpened = false;
      tell();
    });
    source.addEventListener('change', ({ data }) => {
      const change = JSON.parse(data);
      take(change);
      graph.change(change);
      tell();
    });
  };

  const take = ({ items, edgesLeftOut }) => {
    leftOut = edgesLeftOut;
    for (const item of items) if (item.kind === 'machine') names.set(item.name, item.id);
  };

  const tell = () => {
    const { machines, online, direct, relay, silent } = graph.counts();
    const paths =
      direct + relay === 0
        ? 'nothing was exchanged lately'
        : `${direct} direct ${direct === 1 ? 'path' : 'paths'}, ${relay} by relay`;
    say('map-summary', `${machines} machines, ${online} connected; ${paths}${isPaused ? ' (paused)' : ''}`);
    canvas.setAttribute(
      'aria-label',
      `Picture of the mesh: ${machines} machines, ${direct} direct paths, ${relay} by relay. The same is in the table of pairs.`,
    );
    const notes = [];
    if (isGrouped)
      notes.push('Machines of one tag are one circle, since there are many; click one to open it.');
    if (leftOut > 0)
      notes.push(`${leftOut} quieter lines are not drawn; the table of pairs has all of them.`);
    if (silent > 0) {
      notes.push(
        `${silent} connected ${silent === 1 ? 'machine tells' : 'machines tell'} no paths, as an older agent does not: only what others say of ${silent === 1 ? 'it' : 'them'} is drawn.`,
      );
    }
    say('map-note', notes.join(' '));
    byId('map-note').hidden = notes.length === 0;
  };

  function chooseMachine(item) {
    graph.select(item.id);
    byId('map-pair-a').value = last;
    byId('map-pair-b').value = item.name;
    if (last === '') [byId('map-pair-a').value, byId('map-pair-b').value] = [item.name, ''];
    last = item.name;
    showPanel(`/map/machine/${encodeURIComponent(item.id)}/panel`);
  }

  function choosePair(a, b) {
    graph.select(a < b ? `${a} ${b}` : `${b} ${a}`, a, b);
    showPanel(`/map/pair/${encodeURIComponent(a)}/${encodeURIComponent(b)}/panel`);
  }

  function chooseGroup(item) {
    expanded.add(item.tag);
    hasOpened = true;
    listen();
  }

  byId('map-panel').addEventListener('click', (event) => {
    const pair = event.target.closest?.('a[data-pair]')?.dataset.pair.split(' ');
    if (!pair) return;
    event.preventDefault();
    choosePair(pair[0], pair[1]);
  });

  byId('map-pair').addEventListener('submit', (event) => {
    event.preventDefault();
    const [a, b] = ['map-pair-a', 'map-pair-b'].map((id) => idOf(byId(id).value.trim().toLowerCase()));
    const wrong =
      !a || !b ? 'There is no machine of that name.' : a === b ? 'These are the same machine.' : '';
    say('map-pair-error', wrong);
    byId('map-pair-error').hidden = wrong === '';
    if (wrong === '') choosePair(a, b);
  });

  const idOf = (name) => {
    const option = [...byId('map-machines').options].find(({ value }) => value === name);
    return names.get(name) ?? option?.dataset.id;
  };

  const filter = () =>
    graph.filter({ search: byId('map-search').value.trim().toLowerCase(), tag: byId('map-tag').value });
  byId('map-search').addEventListener('input', filter);
  byId('map-tag').addEventListener('change', filter);
  byId('map-fit').addEventListener('click', () => graph.fit());
  byId('map-arrange').addEventListener('click', () => {
    if (expanded.size > 0) {
      expanded.clear();
      listen();
    }
    graph.arrange();
  });
  byId('map-pause').addEventListener('click', ({ currentTarget }) => {
    isPaused = !isPaused;
    currentTarget.setAttribute('aria-pressed', String(isPaused));
    currentTarget.textContent = isPaused ? 'Go on' : 'Pause';
    listen();
    tell();
  });
  document.addEventListener('visibilitychange', listen);
  // So that the page says when the coordinator is away, and asks to sign in again when the session ended.
  onEvent('changed', () => {});
  listen();
}

function showPanel(path) {
  const panel = byId('map-panel');
  panel.dataset.live = path;
  panel.hidden = false;
  void refresh('paths');
}

function say(id, text) {
  const place = byId(id);
  if (place.textContent !== text) place.textContent = text;
}
