// The charts of a machine's last day: /api/v1/machines/ID/history, drawn by uPlot, and the same in a sentence.
import uPlot from 'uplot';
import { api } from './api.js';
import { colour, onThemeChange } from './colours.js';
import { latency, rate } from './quantities.js';

const INTERVAL = 10_000;
const HEIGHT = 190;
/** Lines of the chart of round trips: those of the peers of late. */
const MOST_PEERS = 6;
const COLOURS = ['--accent', '--info', '--warn', '--bad', '--quiet', '--text'];
const MINUTE = 60;

function start({ dataset: { machine } }) {
  const span = document.getElementById('chart-span');
  const traffic = new Chart('traffic', rate);
  const roundTrips = new Chart('latency', (value) => latency(value));
  const show = async () => {
    if (document.hidden) return;
    const { data } = await api(
      'GET',
      `/machines/${encodeURIComponent(machine)}/history?minutes=${span.value}`,
    );
    const end = Math.floor(Date.now() / 1000);
    const range = [end - Number(span.value) * MINUTE, end];
    showTraffic(traffic, data, range);
    showLatency(roundTrips, data, range);
  };
  const tryShow = () => show().catch(() => {}); // the page says when the coordinator is away
  span.addEventListener('change', tryShow);
  document.addEventListener('visibilitychange', tryShow);
  setInterval(tryShow, INTERVAL);
  void tryShow();
}

function showTraffic(chart, { traffic, reports }, range) {
  const times = traffic.minutes.map(seconds);
  const rates = (list) => list.map((count) => count / MINUTE);
  const [received, sent] = [rates(traffic.receivedBytes), rates(traffic.sentBytes)];
  chart.show(range, times, [
    { label: 'received', colour: '--accent', fill: true, values: received },
    { label: 'sent', colour: '--info', values: sent },
  ]);
  const most = (list) => rate(Math.max(...list));
  chart.say(
    times.length === 0
      ? nothing(reports)
      : `At most ${most(received)} received and ${most(sent)} sent, by the minute.`,
  );
}

function showLatency(chart, { latency: series, reports }, range) {
  const shown = series.slice(0, MOST_PEERS);
  const times = [...new Set(shown.flatMap(({ minutes }) => minutes.map(seconds)))].sort((a, b) => a - b);
  chart.show(
    range,
    times,
    shown.map(({ peer, minutes, latencyMs }, index) => {
      const by = new Map(minutes.map((minute, at) => [seconds(minute), latencyMs[at]]));
      return { label: peer.name, colour: COLOURS[index], values: times.map((time) => by.get(time) ?? null) };
    }),
  );
  const words = shown.map(({ peer, latencyMs }) => `${peer.name} ${latency(latencyMs.at(-1))}`);
  chart.say(words.length === 0 ? nothing(reports) : `Measured last: ${words.join(', ')}.`);
}

function nothing(reports) {
  return reports
    ? 'Nothing was told for this time yet.'
    : 'This machine tells nothing: it is away, or runs an older agent.';
}

function seconds(iso) {
  return Date.parse(iso) / 1000;
}

class Chart {
  #place;
  #words;
  #format;
  #plot = null;
  #shape = '';
  #last = null;

  constructor(name, format) {
    this.#place = document.getElementById(`chart-${name}`);
    this.#words = document.getElementById(`chart-${name}-words`);
    this.#format = format;
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.#place);
    onThemeChange(() => {
      this.#shape = '';
      if (this.#last) this.show(...this.#last);
    });
  }

  say(words) {
    if (this.#words.textContent !== words) this.#words.textContent = words;
  }

  /** `lines`: `{label, colour, values, fill}`, values at `times`, null for none. */
  show(range, times, lines) {
    this.#last = [range, times, lines];
    const data = withGaps(times, lines);
    const shape = JSON.stringify(lines.map(({ label }) => label));
    if (this.#shape !== shape) {
      this.#shape = shape;
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(lines, range), data, this.#place);
      return;
    }
    this.#plot.setData(data, false);
    this.#plot.setScale('x', { min: range[0], max: range[1] });
  }

  #size() {
    return { width: Math.max(200, this.#place.clientWidth), height: HEIGHT };
  }

  #options(lines, [min, max]) {
    const [text, line] = [colour('--quiet'), colour('--line')];
    const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    return {
      ...this.#size(),
      legend: { show: lines.length > 0, live: false },
      cursor: { drag: { x: false, y: false } },
      scales: { x: { min, max }, y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.15 : 1] } },
      axes: [
        { ...axis, values: (_plot, splits) => splits.map(clock) },
        { ...axis, size: 72, values: (_plot, splits) => splits.map((value) => this.#format(value)) },
      ],
      series: [
        {},
        ...lines.map(({ label, colour: property, fill }) => ({
          label,
          stroke: colour(property),
          width: 1.75,
          ...(fill ? { fill: colour('--accent-soft') } : {}),
          points: { show: lines.length > 0 && this.#last[1].length < 40, size: 5 },
        })),
      ],
    };
  }
}

function clock(time) {
  return new Date(time * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
}

/** A minute of which nothing was told is a gap, not a line. */
function withGaps(times, lines) {
  const axis = [];
  const columns = lines.map(() => []);
  for (const [index, time] of times.entries()) {
    if (index > 0 && time - times[index - 1] > 2 * MINUTE) {
      axis.push(times[index - 1] + MINUTE);
      for (const column of columns) column.push(null);
    }
    axis.push(time);
    for (const [at, { values }] of lines.entries()) columns[at].push(values[index]);
  }
  return [axis, ...columns];
}

const section = document.getElementById('machine-charts');
if (section) start(section);
