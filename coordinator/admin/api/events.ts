import { createRoute, z } from '@hono/zod-openapi';
import { changeEvents } from '../events.ts';
import type { Api, ApiDependencies } from './api.ts';
import { Problem } from './problem.ts';

const events = createRoute({
  method: 'get',
  path: '/events',
  tags: ['Events'],
  summary: 'Hear of changes',
  description:
    'Server-sent events: `changed` with the version of the network, at most two a second. Whoever comes back with Last-Event-ID is told at once.',
  responses: {
    200: {
      description: 'A stream that goes on until the session or key ends.',
      content: { 'text/event-stream': { schema: z.string() } },
    },
    '4XX': { description: 'What went wrong.', content: { 'application/problem+json': { schema: Problem } } },
  },
});

export function addEvents(api: Api, { store }: ApiDependencies): void {
  api.openapi(events, (context) => changeEvents(context, store, context.get('isStillIn')));
}
