/** A bar chart as SVG: one panel a metric, one bar a contender, whiskers from the least to the most. */
import { digits, type Spread } from './statistics.ts';
import { escapeXml, svg } from './svg.ts';

export interface BarPanel {
  title: string;
  /** What the bars count, and which way is good. */
  note: string;
  bars: { name: string; spread: Spread; ours: boolean }[];
}

const WIDTH = 820;
const LABEL = 214;
const VALUE = 60;
const BAR = 18;
const GAP = 6;
const HEAD = 44;

function drawPanel(panel: BarPanel, top: number): string {
  const most = Math.max(...panel.bars.map(({ spread }) => spread.max)) || 1;
  const scale = (value: number) => Math.round((value / most) * (WIDTH - LABEL - VALUE - 20));
  const bars = panel.bars.map(({ name, spread, ours }, index) => {
    const y = top + HEAD + index * (BAR + GAP);
    const middle = y + BAR / 2;
    const [least, greatest] = [LABEL + scale(spread.min), LABEL + scale(spread.max)];
    return [
      `<text x="${LABEL - 10}" y="${y + 14}" text-anchor="end">${escapeXml(name)}</text>`,
      `<rect class="${ours ? 'ours' : 'theirs'}" x="${LABEL}" y="${y}" width="${Math.max(1, scale(spread.median))}" height="${BAR}" rx="2"/>`,
      spread.min === spread.max
        ? ''
        : `<path class="whisker" d="M${least} ${middle}H${greatest}M${least} ${middle - 4}v8M${greatest} ${middle - 4}v8"/>`,
      `<text x="${greatest + 8}" y="${y + 14}">${digits(spread.median)}</text>`,
    ].join('\n');
  });
  return [
    `<text class="title" x="16" y="${top + 18}">${escapeXml(panel.title)}</text>`,
    `<text class="note" x="16" y="${top + 35}">${escapeXml(panel.note)}</text>`,
    ...bars,
  ].join('\n');
}

/** The whole picture, for light and dark pages. `description` is for those who do not see it. */
export function drawBarChart(panels: readonly BarPanel[], description: string): string {
  const heights = panels.map(({ bars }) => HEAD + bars.length * (BAR + GAP) + 18);
  let top = 14;
  const drawn = panels.map((panel, index) => {
    const text = drawPanel(panel, top);
    top += heights[index]!;
    return text;
  });
  return svg(WIDTH, top, description, drawn.join('\n'));
}
