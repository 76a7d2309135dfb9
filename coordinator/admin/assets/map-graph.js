// The picture itself: machines, relays, networks behind routers, and what connects them, drawn on a canvas by cytoscape.
import cytoscape from 'cytoscape';
import { onThemeChange } from './colours.js';
import { place, storedPlaces, storePlaces } from './map-layout.js';
import { mapStyle } from './map-style.js';
import { latency, rate as rateWords } from './quantities.js';

/** With more lines than this their round trips are told only where one points. */
const MOST_LABELS = 60;
/** Ties of machines to their relay are drawn in small networks only. */
const MOST_TIED = 60;
/** Lines with traffic that glow. */
const MOST_PULSING = 200;
const PULSE = 1_000;
/** More elements than these are drawn larger, and their lines in a simpler way. */
const CROWD = 150;

export class MapGraph {
  #cy;
  #places = storedPlaces();
  #items = new Map();
  #edges = new Map();
  #relays = [];
  #filter = { search: '', tag: '' };
  #isChosen = false;
  #beat = false;
  #isQuiet = matchMedia('(prefers-reduced-motion: reduce)');

  /** `onMachine(item)`, `onGroup(item)`, `onPair(a, b)`: a person chose one. */
  constructor(container, { onMachine, onGroup, onPair }) {
    // cytoscape would add a <style>, which the Content-Security-Policy refuses; map.css has what it says.
    document.head.querySelector('link[href="/assets/map.css"]').id = '__________cytoscape_stylesheet';
    this.#cy = cytoscape({
      container,
      style: mapStyle(),
      minZoom: 0.05,
      maxZoom: 3,
      hideEdgesOnViewport: false,
      textureOnViewport: false,
      boxSelectionEnabled: false,
      selectionType: 'single',
    });
    this.#cy.on('tap', 'node', ({ target }) => {
      const item = this.#items.get(target.id());
      if (item?.kind === 'machine') onMachine(item);
      else if (item?.kind === 'group') onGroup(item);
    });
    this.#cy.on('tap', 'edge', ({ target }) => {
      const [a, b] = [target.data('source'), target.data('target')];
      if (this.#items.get(a)?.kind === 'machine' && this.#items.get(b)?.kind === 'machine') onPair(a, b);
    });
    this.#cy.on('dragfree', 'node', ({ target }) => {
      this.#places.set(target.id(), { ...target.position() });
      storePlaces(this.#places);
    });
    // Until a person chose what to see.
    this.#cy.on('tapstart scrollzoom pinchzoom', () => {
      this.#isChosen = true;
    });
    new ResizeObserver(() => {
      this.#cy.resize();
      if (!this.#isChosen) this.fit();
    }).observe(container);
    this.#cy.on('mouseover mouseout', 'edge', ({ target, type }) => {
      target.toggleClass('near', type === 'mouseover');
    });
    onThemeChange(() => this.#cy.style(mapStyle()));
    setInterval(() => this.#pulse(), PULSE);
  }

  /** The whole picture. */
  show({ items, edges, relays }) {
    this.#items = new Map(items.map((item) => [item.id, item]));
    this.#edges = new Map(edges.map((edge) => [`${edge.a} ${edge.b}`, edge]));
    this.#relays = relays;
    this.#draw();
  }

  /** What is another than before. */
  change({ items, edges, goneItems, goneEdges }) {
    for (const id of goneItems) this.#items.delete(id);
    for (const key of goneEdges) this.#edges.delete(key);
    for (const item of items) this.#items.set(item.id, item);
    for (const edge of edges) this.#edges.set(`${edge.a} ${edge.b}`, edge);
    const isSame =
      goneItems.length + goneEdges.length === 0 &&
      items.every((item) => this.#cy.getElementById(item.id).nonempty()) &&
      edges.every((edge) => this.#cy.getElementById(`${edge.a} ${edge.b}`).nonempty());
    if (!isSame || items.length > 0) return this.#draw();
    // The common case: traffic and round trips.
    this.#cy.batch(() => {
      for (const edge of edges) this.#update(edgeElement(edge));
    });
  }

  counts() {
    const machines = [...this.#items.values()].flatMap((item) => (item.kind === 'machine' ? [item] : []));
    const groups = [...this.#items.values()].filter(({ kind }) => kind === 'group');
    const sum = (list, pick) => list.reduce((total, each) => total + pick(each), 0);
    const edges = [...this.#edges.values()];
    return {
      machines: machines.length + sum(groups, ({ count }) => count),
      online: machines.filter(({ state }) => state === 'online').length + sum(groups, ({ online }) => online),
      silent: machines.filter((item) => item.state === 'online' && !item.reports && item.role !== 'device')
        .length,
      direct: sum(edges, ({ pairs }) => pairs.direct),
      relay: sum(edges, ({ pairs }) => pairs.relay),
    };
  }

  filter(filter) {
    this.#filter = filter;
    this.#cy.batch(() => this.#mark());
  }

  fit() {
    this.#isChosen = false;
    const shown = this.#cy.elements().not('.dim');
    this.#cy.fit(shown.nonempty() ? shown : undefined, 40);
  }

  /** Forgets where everything stands. */
  arrange() {
    this.#places.clear();
    this.#draw();
    this.fit();
  }

  select(...ids) {
    this.#cy.elements().unselect();
    for (const id of ids) this.#cy.getElementById(id).select();
  }

  #draw() {
    const elements = this.#elements();
    const isFirst = this.#cy.elements().empty();
    const before = this.#places.size;
    const mayMove = place(
      elements.flatMap(({ item }) => (item && item.kind !== 'subnet' ? [item] : [])),
      this.#places,
    );
    for (const { item } of elements) if (item?.kind === 'subnet') this.#placeBeside(item);
    this.#cy.batch(() => {
      const wanted = new Set(elements.map(({ data }) => data.id));
      this.#cy.elements().forEach((element) => {
        if (!wanted.has(element.id())) element.remove();
      });
      for (const element of elements) if (element.group === 'nodes') this.#update(element);
      for (const element of elements) if (element.group === 'edges') this.#update(element);
      this.#mark();
    });
    if (mayMove) this.#settle();
    if (this.#places.size > before) storePlaces(this.#places);
    if (isFirst) this.fit();
  }

  #settle() {
    this.#cy
      .layout({
        name: 'cose',
        animate: false,
        randomize: false,
        fit: false,
        nodeRepulsion: () => 24_000,
        idealEdgeLength: () => 120,
        nodeOverlap: 30,
        gravity: 0.6,
        numIter: 400,
      })
      .run();
    this.#cy.nodes().forEach((node) => {
      this.#places.set(node.id(), { ...node.position() });
    });
  }

  #elements() {
    const machines = [...this.#items.values()].filter(({ kind }) => kind === 'machine');
    const nodes = [...this.#items.values()].map(itemElement);
    const ties = [];
    const subnets = new Set(machines.flatMap(({ subnets: own }) => own));
    for (const cidr of subnets) {
      const router = machines.find(({ subnets: own }) => own.includes(cidr))?.id;
      const item = { kind: 'subnet', id: `subnet ${cidr}`, name: cidr, router };
      nodes.push({ group: 'nodes', item, classes: 'subnet', data: { id: item.id, label: cidr } });
    }
    for (const { id, subnets: own } of machines) {
      for (const cidr of own) ties.push(tie(id, `subnet ${cidr}`));
    }
    for (const { id, host } of this.#relays) {
      const item = { kind: 'relay', id: `relay ${id}`, name: host };
      nodes.push({ group: 'nodes', item, classes: 'hub', data: { id: item.id, label: host } });
    }
    if (machines.length <= MOST_TIED) {
      const known = new Set(this.#relays.map(({ id }) => id));
      const relayed = new Set(
        [...this.#edges.values()].flatMap(({ kind, a, b }) => (kind === 'relay' ? [a, b] : [])),
      );
      for (const { id, relay } of machines) {
        if (relayed.has(id) && known.has(relay)) ties.push(tie(id, `relay ${relay}`));
      }
    }
    const lines = [...this.#edges.values()].filter(({ a, b }) => this.#items.has(a) && this.#items.has(b));
    return [...nodes, ...lines.map(edgeElement), ...ties];
  }

  /** A network stands beside its router, on the side away from the middle. */
  #placeBeside({ id, router: routerId }) {
    const router = this.#places.get(routerId);
    if (this.#places.has(id) || !router) return;
    const place = this.#items.get(routerId).subnets.findIndex((cidr) => id === `subnet ${cidr}`);
    const angle = Math.atan2(router.y, router.x) + (place % 2 === 0 ? 1 : -1) * Math.ceil(place / 2) * 0.6;
    this.#places.set(id, { x: router.x + 75 * Math.cos(angle), y: router.y + 75 * Math.sin(angle) });
  }

  #update(element) {
    const { group, data, classes } = element;
    const there = this.#cy.getElementById(data.id);
    if (there.empty()) {
      const position = group === 'nodes' ? { position: { ...this.#places.get(data.id) } } : {};
      this.#cy.add({ group, data, classes, ...position });
      return;
    }
    for (const [key, value] of Object.entries(data)) {
      if (key !== 'id' && key !== 'source' && key !== 'target' && there.data(key) !== value)
        there.data(key, value);
    }
    const extra = ['dim', 'many', 'crowd', 'near', 'pulse'].filter((name) => there.hasClass(name)).join(' ');
    there.classes(`${classes} ${extra}`);
  }

  /** What the filter leaves out fades; where there are many lines their words go. */
  #mark() {
    const { search, tag } = this.#filter;
    const isOut = (id) => {
      const item = this.#items.get(id);
      if (search === '' && tag === '') return false;
      if (!item) return true;
      if (item.kind === 'group') return (tag !== '' && item.tag !== tag) || !item.tag.includes(search);
      const words = [item.name, item.address, item.owner, ...item.tags, ...item.subnets];
      return (tag !== '' && !item.tags.includes(tag)) || !words.some((word) => word.includes(search));
    };
    this.#cy.nodes().forEach((node) => {
      node.toggleClass('dim', isOut(node.id()));
    });
    const isMany = this.#edges.size > MOST_LABELS;
    const isCrowd = this.#cy.nodes().length > CROWD;
    this.#cy.nodes().forEach((node) => {
      node.toggleClass('crowd', isCrowd);
    });
    this.#cy.edges().forEach((edge) => {
      edge.toggleClass('dim', edge.source().hasClass('dim') || edge.target().hasClass('dim'));
      edge.toggleClass('many', isMany);
      edge.toggleClass('crowd', isCrowd);
    });
  }

  /** Lines with traffic breathe, if nobody asked for stillness. */
  #pulse() {
    if (document.hidden) return;
    const moving = this.#cy.edges('[moves > 0]');
    const isOff = this.#isQuiet.matches || moving.length > MOST_PULSING;
    this.#cy.edges('.pulse').removeClass('pulse');
    this.#beat = !this.#beat;
    if (!isOff && this.#beat) moving.addClass('pulse');
  }
}

function itemElement(item) {
  if (item.kind === 'group') {
    const name = item.tag === '' ? 'no tag' : item.tag;
    const data = {
      id: item.id,
      label: `${name}\n${item.count} machines, ${item.online} connected`,
      size: 50 + Math.min(90, 4 * Math.sqrt(item.count)),
    };
    return { group: 'nodes', item, classes: `group ${item.online > 0 ? 'online' : 'away'}`, data };
  }
  return {
    group: 'nodes',
    item,
    classes: `${item.role} ${item.state}`,
    data: { id: item.id, label: item.name },
  };
}

function edgeElement(edge) {
  const { a, b, kind, rate, rateBack, pairs } = edge;
  const traffic = rate + rateBack;
  const total = pairs.direct + pairs.relay + pairs.none;
  const words = total > 1 ? [`${pairs.direct} direct, ${pairs.relay} relayed`] : [];
  if (edge.latency !== null) words.push(latency(edge.latency, edge.isEstimated));
  const short = words.join(' · ');
  if (traffic > 0) words.push(rateWords(traffic));
  return {
    group: 'edges',
    classes: kind,
    data: {
      id: `${a} ${b}`,
      source: a,
      target: b,
      label: short,
      full: words.join(' · '),
      width: traffic === 0 ? 1.6 : Math.min(7, 1.6 + Math.max(0, Math.log10(traffic) - 2) * 0.9),
      moves: traffic,
    },
  };
}

function tie(source, target) {
  return {
    group: 'edges',
    classes: 'tie',
    data: { id: `${source}>${target}`, source, target, label: '', full: '', width: 1, moves: 0 },
  };
}
