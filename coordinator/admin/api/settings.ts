import { isDeepStrictEqual } from 'node:util';
import { createRoute, z } from '@hono/zod-openapi';
import { describeError } from '../../../shared/errors.ts';
import { parseDomain, parseResolver, parseZone } from '../../network/dns-settings.ts';
import type { NetworkSettings } from '../../network/settings.ts';
import { answers, body } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { checkIfMatch, staleness } from './entity-tag.ts';

const tags = ['Settings'];

/** A text as one of the network's own readers takes it; what that throws is told of the field. */
function readBy(read: (text: string) => string, example: string) {
  return z
    .string()
    .max(256, 'expected 256 characters or fewer')
    .transform((text, context) => {
      try {
        return read(text);
      } catch (error) {
        context.addIssue({ code: 'custom', message: describeError(error) });
        return z.NEVER;
      }
    })
    .openapi({ type: 'string', example });
}

const Resolver = readBy(parseResolver, '10.1.0.53');

const DnsPatch = z
  .strictObject({
    zone: readBy(parseZone, 'warren'),
    resolvers: z.array(Resolver).max(16),
    split: z
      .array(
        z.strictObject({
          domain: readBy(parseDomain, 'corp.example'),
          resolvers: z.array(Resolver).min(1).max(16),
        }),
      )
      .max(256)
      .refine(
        (split) => new Set(split.map(({ domain }) => domain)).size === split.length,
        'each domain once, with all of its resolvers',
      ),
  })
  .partial();

const Patch = z.strictObject({ dns: DnsPatch, multicast: z.boolean() }).partial().openapi('SettingsPatch');

const Settings = z
  .object({
    ranges: z.array(z.string()).openapi({ description: 'Of the overlay; chosen when the network was made.' }),
    dns: z.object({
      zone: z.string(),
      resolvers: z.array(z.string()),
      split: z.array(z.object({ domain: z.string(), resolvers: z.array(z.string()) })),
    }),
    multicast: z.boolean(),
    segments: z
      .array(z.object({ name: z.string(), vni: z.int() }))
      .openapi({ description: 'Network identifiers of layer 2 segments; given out once.' }),
  })
  .openapi('Settings');

const show = createRoute({
  method: 'get',
  path: '/settings',
  tags,
  summary: 'Show the settings of the network',
  responses: answers(200, 'The settings.', Settings),
});

const patch = createRoute({
  method: 'patch',
  path: '/settings',
  tags,
  summary: 'Change settings of the network',
  request: { body: body(Patch) },
  responses: answers(200, 'The settings as they are now.', Settings),
});

/** What is set for the network as a whole. */
export function addSettings(api: Api, { store, clock }: ApiDependencies): void {
  api.openapi(show, async (context) => {
    const { prefix4, prefix6, settings } = await store.network();
    return context.json(settingsView([prefix4, prefix6], settings), 200);
  });

  api.openapi(patch, async (context) => {
    const { dns, multicast } = context.req.valid('json');
    const { prefix4, prefix6, settings } = await store.network();
    const ranges = [prefix4, prefix6];
    const split = dns?.split?.toSorted((a, b) => (a.domain < b.domain ? -1 : 1));
    const wanted: Partial<NetworkSettings> = {
      ...(dns === undefined
        ? {}
        : { dns: { ...settings.dns, ...dns, ...(split === undefined ? {} : { split }) } }),
      ...(multicast === undefined ? {} : { multicast }),
    };
    const after = await store.changeSettings(wanted, clock.wall(), context.get('actor'), (before) => {
      checkIfMatch(context, settingsView(ranges, before));
      // What was not given of `dns` was taken from what was read a moment ago.
      if (dns !== undefined && !isDeepStrictEqual(before.dns, settings.dns)) throw staleness();
    });
    return context.json(settingsView(ranges, after), 200);
  });
}

/** The settings as the API shows them. */
export function settingsView(ranges: string[], settings: NetworkSettings): z.infer<typeof Settings> {
  const { dns, multicast, segments } = settings;
  return {
    ranges,
    dns: {
      zone: dns.zone,
      resolvers: [...dns.resolvers],
      split: dns.split.map(({ domain, resolvers }) => ({ domain, resolvers: [...resolvers] })),
    },
    multicast,
    segments: Object.entries(segments).map(([name, vni]) => ({ name, vni })),
  };
}
