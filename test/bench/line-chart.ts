/** Line charts as SVG, two in a row: a panel a value, a line a contender, whiskers from the least to the most. */
import { digits, type Spread } from './statistics.ts';
import { escapeXml, svg } from './svg.ts';

export interface Line {
  name: string;
  ours: boolean;
  /** One for each step; null where it failed. */
  points: (Spread | null)[];
}

export interface LinePanel {
  title: string;
  note: string;
  /** What the steps are, and their names, evenly spaced whatever they are. */
  axis: string;
  steps: string[];
  lines: Line[];
}

const WIDTH = 820;
const PANEL = { width: 390, height: 220 };
/** The space of a panel around its lines. */
const AROUND = { left: 46, right: 46, top: 52, bottom: 40 };
const LEGEND = 40;
const DODGE = 4;

function drawPanel(panel: LinePanel, left: number, top: number): string {
  const width = PANEL.width - AROUND.left - AROUND.right;
  const height = PANEL.height - AROUND.top - AROUND.bottom;
  const all = panel.lines.flatMap(({ points }) => points.filter((point) => point !== null));
  const ticks = roundTicks(Math.max(0, ...all.map(({ max }) => max)));
  const most = ticks.at(-1)!;
  const x = (step: number) => left + AROUND.left + (width * (step + 0.5)) / panel.steps.length;
  const y = (value: number) => Math.round((top + AROUND.top + height * (1 - value / most)) * 10) / 10;
  const [start, end] = [left + AROUND.left, left + PANEL.width - AROUND.right];
  const grid = ticks.map((tick) =>
    [
      `<path class="grid" d="M${start} ${y(tick)}H${end}"/>`,
      `<text class="note" x="${start - 8}" y="${y(tick) + 4}" text-anchor="end">${tick.toLocaleString('en')}</text>`,
    ].join('\n'),
  );
  const steps = panel.steps.map(
    (step, index) =>
      `<text class="note" x="${x(index)}" y="${top + PANEL.height - AROUND.bottom + 18}" text-anchor="middle">${escapeXml(step)}</text>`,
  );
  return [
    `<text class="title" x="${left + 16}" y="${top + 20}">${escapeXml(panel.title)}</text>`,
    `<text class="note" x="${left + 16}" y="${top + 37}">${escapeXml(panel.note)}</text>`,
    ...grid,
    ...steps,
    `<text class="note" x="${end + 8}" y="${top + PANEL.height - AROUND.bottom + 18}">${escapeXml(panel.axis)}</text>`,
    // Ours last, to lie above the others.
    ...panel.lines
      .toSorted((a, b) => Number(a.ours) - Number(b.ours))
      // Side by side by a little, or whiskers would hide each other.
      .map((line, index) => drawLine(line, (step) => x(step) + index * DODGE, y)),
    ...drawEnds(panel.lines, x, y),
  ].join('\n');
}

function drawLine({ points, ours }: Line, x: (step: number) => number, y: (value: number) => number): string {
  const kind = ours ? 'our' : 'their';
  const there = points.flatMap((point, step) => (point === null ? [] : [{ ...point, step }]));
  const path = there.map(({ step, median }, index) => `${index === 0 ? 'M' : 'L'}${x(step)} ${y(median)}`);
  const marks = there.map(
    ({ step, min, median, max }) =>
      `<path class="${kind}-line" d="M${x(step)} ${y(min)}V${y(max)}"/>` +
      `<circle class="${kind}-dot" cx="${x(step)}" cy="${y(median)}" r="3.5"/>`,
  );
  return [`<path class="line ${kind}-line" d="${path.join('')}"/>`, ...marks].join('\n');
}

/** The last values beside their lines' ends, moved apart where they would lie on each other. */
function drawEnds(
  lines: readonly Line[],
  x: (step: number) => number,
  y: (value: number) => number,
): string[] {
  let lowest = Number.NEGATIVE_INFINITY;
  return lines
    .flatMap(({ points }) => {
      const step = points.findLastIndex((point) => point !== null);
      return step < 0 ? [] : [{ step, median: points[step]!.median }];
    })
    .sort((a, b) => b.median - a.median)
    .map(({ step, median }) => {
      lowest = Math.max(y(median) + 4, lowest + 14);
      return `<text x="${x(step) + DODGE + 9}" y="${lowest}">${escapeXml(digits(median))}</text>`;
    });
}

/** From 0 to at least `most`, in steps of 1, 2 or 5 times a power of ten. */
export function roundTicks(most: number): number[] {
  if (most <= 0) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** The whole picture, for light and dark pages. All panels have the same lines. */
export function drawLineChart(panels: readonly LinePanel[], description: string): string {
  const rows = Math.ceil(panels.length / 2);
  const legend = (panels[0]?.lines ?? []).map(
    ({ name, ours }, index) =>
      `<circle class="${ours ? 'our' : 'their'}-dot" cx="${22 + index * 220}" cy="24" r="5"/>` +
      `<text x="${34 + index * 220}" y="28">${escapeXml(name)}</text>`,
  );
  const drawn = panels.map((panel, index) =>
    drawPanel(
      panel,
      10 + (index % 2) * (PANEL.width + 10),
      LEGEND + Math.floor(index / 2) * (PANEL.height + 16),
    ),
  );
  return svg(WIDTH, LEGEND + rows * (PANEL.height + 16), description, [...legend, ...drawn].join('\n'));
}
