// What the picture looks like, in the colours that style.css has now.
import { colour } from './colours.js';

export function mapStyle() {
  const [text, quiet, surface, good, warn, bad, edge, accent, info] = [
    '--text',
    '--quiet',
    '--surface',
    '--good',
    '--warn',
    '--bad',
    '--edge',
    '--accent',
    '--info',
  ].map(colour);
  const [goodSoft, warnSoft, badSoft, sunken, back] = [
    '--good-soft',
    '--warn-soft',
    '--bad-soft',
    '--sunken',
    '--back',
  ].map(colour);
  const fill = (background, border) => ({ 'background-color': background, 'border-color': border });
  return [
    {
      selector: 'node',
      style: {
        label: 'data(label)',
        width: 34,
        height: 34,
        'border-width': 2.5,
        ...fill(sunken, quiet),
        color: text,
        'font-family': 'system-ui, sans-serif',
        'font-size': 12,
        'text-valign': 'bottom',
        'text-margin-y': 5,
        'text-wrap': 'ellipsis',
        'text-max-width': 120,
        'text-outline-color': back,
        'text-outline-width': 2,
        'min-zoomed-font-size': 7,
      },
    },
    { selector: 'node.online', style: fill(goodSoft, good) },
    { selector: 'node.away', style: { ...fill(surface, edge), 'border-style': 'dashed', color: quiet } },
    { selector: 'node.unapproved', style: fill(warnSoft, warn) },
    { selector: 'node.expired, node.disabled', style: fill(badSoft, bad) },
    { selector: 'node.router', style: { shape: 'round-rectangle' } },
    { selector: 'node.exit', style: { shape: 'round-diamond', width: 42, height: 42 } },
    { selector: 'node.device', style: { shape: 'round-triangle' } },
    {
      selector: 'node.hub',
      style: { shape: 'round-hexagon', width: 28, height: 28, ...fill(surface, info), color: quiet },
    },
    {
      selector: 'node.subnet',
      style: {
        shape: 'round-tag',
        width: 16,
        height: 16,
        'border-width': 1.5,
        'font-size': 10,
        color: quiet,
      },
    },
    {
      selector: 'node.group',
      style: {
        shape: 'ellipse',
        width: 'data(size)',
        height: 'data(size)',
        'border-width': 4,
        'border-style': 'double',
        'font-size': 14,
        'text-wrap': 'wrap',
      },
    },
    {
      selector: 'edge',
      style: {
        width: 'data(width)',
        'line-color': edge,
        'curve-style': 'straight',
        label: 'data(label)',
        color: quiet,
        'font-size': 10,
        'text-outline-color': back,
        'text-outline-width': 2,
        'text-rotation': 'autorotate',
        'min-zoomed-font-size': 8,
        'underlay-color': accent,
        'underlay-padding': 3,
        'underlay-opacity': 0,
        'transition-property': 'underlay-opacity',
        'transition-duration': '900ms',
      },
    },
    { selector: 'edge.direct', style: { 'line-color': good } },
    { selector: 'edge.relay', style: { 'line-color': warn, 'line-style': 'dashed' } },
    { selector: 'edge.none', style: { 'line-style': 'dotted', opacity: 0.65 } },
    { selector: 'edge.tie', style: { width: 1, opacity: 0.55, label: '', events: 'no' } },
    { selector: 'edge.pulse', style: { 'underlay-opacity': 0.22 } },
    { selector: 'node.crowd', style: { width: 62, height: 62, 'border-width': 6, 'font-size': 20 } },
    { selector: 'node.subnet.crowd', style: { width: 30, height: 30, 'border-width': 3, 'font-size': 14 } },
    { selector: 'edge.crowd', style: { 'curve-style': 'haystack', 'haystack-radius': 0 } },
    { selector: 'edge.many', style: { label: '' } },
    {
      selector: 'edge.near, edge:selected',
      style: { label: 'data(full)', 'font-size': 12, color: text, 'z-index': 10, 'text-rotation': 'none' },
    },
    { selector: '.dim', style: { opacity: 0.12, 'text-opacity': 0 } },
    {
      selector: ':selected',
      style: { 'underlay-color': accent, 'underlay-opacity': 0.3, 'underlay-padding': 6 },
    },
    { selector: 'node:active, edge:active', style: { 'overlay-opacity': 0.08 } },
  ];
}
