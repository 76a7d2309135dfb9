import type { Hono } from 'hono';
import { html } from 'hono/html';
import type { DnsSettings } from '../../network/dns-settings.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import { type Actor, type AdminEnvironment, includesRole } from '../actor.ts';
import { entityTag } from '../api/entity-tag.ts';
import { settingsView } from '../api/settings.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { layout } from './layout.ts';
import { actionButton } from './parts/action-button.ts';
import { textField } from './parts/field.ts';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';

/** How names are resolved in the network: `/names`. */
export function registerNames(app: Hono<AdminEnvironment>, { store }: AdminDependencies): void {
  const content = async (actor: Actor) => {
    const { network, nodes } = await store.snapshot();
    const { prefix4, prefix6, settings } = network;
    const tag = entityTag(JSON.stringify(settingsView([prefix4, prefix6], settings)));
    return names(settings.dns, nodes, includesRole(actor.role, 'admin') ? tag : null);
  };
  app.get('/names', async (context) => {
    const actor = context.get('actor');
    const page = layout({
      title: 'Names',
      actor,
      section: '/names',
      scripts: ['split-domains.js'],
      body: html`${pageHead({
        title: 'Names',
        about:
          'Every agent answers for the zone by itself, and asks others for the rest. A change is in force within moments.',
      })}
      <div id="names" class="stack" data-live="/names/live">${await content(actor)}</div>`,
    });
    return context.html(page);
  });
  app.get('/names/live', async (context) => context.html(await content(context.get('actor'))));
}

/** `tag`: of the settings that are shown, for their forms; null for whoever may not change them. */
function names(dns: DnsSettings, nodes: readonly NodeRecord[], tag: string | null): Fragment {
  const example = nodes[0]?.name ?? 'laptop';
  return html`<div class="columns">
      <section class="card" aria-labelledby="zone">
        <h2 id="zone">Zone</h2>
        <p>Machines are called <code>NAME.${dns.zone}</code>, such as <code>${example}.${dns.zone}</code>. IPv4, IPv6 and the names
          of addresses are answered.</p>
        ${tag === null ? '' : zoneForm(dns, tag)}
      </section>
      <section class="card" aria-labelledby="resolvers">
        <h2 id="resolvers">Resolvers</h2>
        <p>${
          dns.resolvers.length === 0
            ? 'All other names are asked of each machine’s own resolvers.'
            : html`All other names are asked of ${list(dns.resolvers)}, in this order.`
        }</p>
        ${tag === null ? '' : resolversForm(dns, tag)}
      </section>
    </div>
    ${splitDomains(dns, tag)}`;
}

function zoneForm({ zone }: DnsSettings, tag: string): Fragment {
  return html`<form class="form" data-action="PATCH /settings" data-done="The zone is changed" data-edits novalidate
      data-if-match="${tag}"
      data-confirm="Change the zone?" data-confirm-button="Change" data-safe
      data-confirm-text="Machines answer to their new names at once, and no longer to the old ones. You can change it back.">
      ${textField({
        id: 'zone-zone',
        name: 'dns.zone',
        label: 'Zone',
        value: zone,
        required: true,
        hint: 'A domain of your own, or one that nobody has, such as warren.',
      })}
      <div class="form-foot"><button type="submit">Change zone</button></div>
    </form>`;
}

function resolversForm({ resolvers }: DnsSettings, tag: string): Fragment {
  return html`<form class="form" data-action="PATCH /settings" data-done="The resolvers are set" data-edits novalidate
      data-if-match="${tag}">
      ${textField({
        id: 'resolvers-resolvers',
        name: 'dns.resolvers',
        label: 'Addresses',
        value: resolvers.join(', '),
        reads: 'list',
        placeholder: '9.9.9.9, 2620:fe::fe',
        hint: 'With commas between them. None leaves it to each machine.',
      })}
      <div class="form-foot"><button type="submit">Save resolvers</button></div>
    </form>`;
}

function splitDomains({ split }: DnsSettings, tag: string | null): Fragment {
  return html`<section class="card flush" aria-labelledby="split">
      <div class="card-head"><h2 id="split">Domains with resolvers of their own</h2></div>
      ${
        split.length === 0
          ? html`<p class="note quiet">Names of your offices, say, that only a resolver behind a subnet router knows. There are none.</p>`
          : html`<div class="table-wrap"><table class="cards">
        <caption class="hidden">Domains with resolvers of their own</caption>
        <thead><tr><th scope="col">Domain</th><th scope="col">Resolvers</th><th scope="col"><span class="hidden">Actions</span></th></tr></thead>
        <tbody>${split.map(
          ({ domain, resolvers }) => html`<tr data-key="${domain}">
          <th scope="row"><code>${domain}</code></th>
          <td data-label="Resolvers">${list(resolvers)}</td>
          <td class="actions">${
            tag === null
              ? ''
              : actionButton({
                  label: 'Remove',
                  of: domain,
                  request: 'PATCH /settings',
                  body: { dns: { split: split.filter((other) => other.domain !== domain) } },
                  ifMatch: tag,
                  tone: 'danger-quiet',
                  small: true,
                  done: `${domain} is resolved like all other names`,
                })
          }</td>
        </tr>`,
        )}</tbody>
      </table></div>`
      }
      ${tag === null ? '' : addDomain()}
    </section>`;
}

/** assets/split-domains.js adds what is typed here to those that there are. */
function addDomain(): Fragment {
  return html`<form class="form note" id="add-domain" novalidate>
      <div class="field-row">
        ${textField({ id: 'split-domain', name: 'domain', label: 'Domain', required: true, placeholder: 'corp.example' })}
        ${textField({
          id: 'split-resolvers',
          name: 'resolvers',
          label: 'Resolvers',
          reads: 'list',
          required: true,
          placeholder: '10.1.0.53',
        })}
      </div>
      <div class="form-foot"><button type="submit">Add domain</button></div>
    </form>`;
}

function list(addresses: readonly string[]): Fragment {
  return html`${addresses.map((address, index) => html`${index === 0 ? '' : ', '}<code>${address}</code>`)}`;
}
