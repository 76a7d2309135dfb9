import { html } from 'hono/html';
import type { Pair, PairEnd } from '../../../telemetry/pair.ts';
import type { Actor } from '../../actor.ts';
import { layout } from '../layout.ts';
import { badge } from '../parts/badge.ts';
import { byteCount } from '../parts/bytes.ts';
import type { Fragment } from '../parts/fragment.ts';
import { pageHead } from '../parts/page-head.ts';
import { relativeTime } from '../parts/time.ts';
import { latencyText, natText, pathBadge, rateText, stateBadge } from './words.ts';

/** A page of its own for one pair, for those who do not use the picture, and for links. */
export function pairPage(actor: Actor, pair: Pair, now: number): Fragment {
  const [a, b] = pair.ends.map(({ node }) => node);
  return layout({
    title: `${a?.name} and ${b?.name}`,
    actor,
    section: '/map',
    scripts: ['paths-live.js'],
    styles: ['/assets/map.css'],
    body: html`${pageHead({
      title: html`${a?.name} and ${b?.name}`,
      about: 'How these two are connected, and why.',
      up: { path: '/map/pairs', name: 'Pairs' },
    })}
      <section class="card" data-live="/map/pair/${a?.id}/${b?.id}/panel" data-live-on="changed paths">${pairPanel(pair, now)}</section>`,
  });
}

/** Why two machines are connected as they are: the reason first, then what each of them says. */
export function pairPanel(pair: Pair, now: number): Fragment {
  const { edge, words, ends } = pair;
  const [a, b] = ends;
  return html`<div class="card-head">
        <h2>${link(a)} and ${link(b)}</h2>
        ${pair.mayMeet ? pathBadge(edge?.kind ?? 'none') : badge('kept apart', 'bad')}
      </div>
      <p class="map-reason">${words.reason}</p>
      ${words.advice === null ? '' : html`<p class="map-advice"><strong>What would help:</strong> ${words.advice}.</p>`}
      ${
        edge === null
          ? ''
          : html`<dl class="values">
        <dt>Round trip</dt><dd>${latencyText(edge.latency, edge.isEstimated)}${
          edge.isEstimated ? html` <span class="quiet">(reckoned from the distances to the relay)</span>` : ''
        }</dd>
        <dt>Traffic now</dt><dd>${rateText(edge.a === a.node.id ? edge.rate : edge.rateBack)} there, ${rateText(
          edge.a === a.node.id ? edge.rateBack : edge.rate,
        )} back</dd>
      </dl>`
      }
      ${endPart(a, b.node.name, now)} ${endPart(b, a.node.name, now)}
      ${policyPart(pair)}`;
}

function link({ node }: PairEnd): Fragment {
  return html`<a class="row-name" href="/machines/${node.id}">${node.name}</a>`;
}

function endPart(end: PairEnd, peer: string, now: number): Fragment {
  const { node, path, state, nat } = end;
  return html`<h3>${node.name} <span class="small-text">${stateBadge(state)}</span></h3>
      ${
        path === null
          ? html`<p class="quiet">${silence(end, peer)}</p>`
          : html`<dl class="values">
        <dt>Path</dt><dd>${pathBadge(path.kind)}${path.endpoint === '' ? '' : html` to <code>${path.endpoint}</code>`},
          since ${relativeTime(path.since, now)}</dd>
        ${path.reason === '' ? '' : html`<dt>Why</dt><dd>${path.reason}</dd>`}
        ${path.advice === '' ? '' : html`<dt>Advice</dt><dd>${path.advice}</dd>`}
        <dt>Exchanged</dt><dd>${byteCount(path.sentBytes)} sent, ${byteCount(path.receivedBytes)} received</dd>
        <dt>Before it</dt><dd>${natText(nat)}</dd>
        ${end.reports ? '' : html`<dt>Told</dt><dd>${relativeTime(end.reportedAt, now)}; it does not report now</dd>`}
      </dl>`
      }`;
}

function silence({ node, reports }: PairEnd, peer: string): string {
  if (node.device !== null) return 'It runs plain WireGuard, and tells nothing of its paths.';
  return reports
    ? `It says that it exchanged nothing with ${peer}.`
    : 'It tells nothing: it is away, or of an older release.';
}

function policyPart({ ends: [a, b], rules, hasPolicy, mayMeet }: Pair): Fragment {
  if (!hasPolicy) return html`<p class="quiet">The network has no policy: everything is allowed.</p>`;
  if (rules.length === 0) {
    return html`<p class="quiet">${
      mayMeet
        ? 'No rule of the policy is between the two themselves; one is between networks or devices that they carry.'
        : 'No rule of the policy has both of them.'
    } <a href="/policy">Policy</a></p>`;
  }
  return html`<h3>Rules of the policy</h3>
      <ul class="map-rules">${rules.map(
        ({ id, line, isForward, services }) =>
          html`<li><code>${id}</code> in line ${line}: ${(isForward ? a : b).node.name} may reach ${(isForward ? b : a).node.name}, ${services}</li>`,
      )}</ul>`;
}
