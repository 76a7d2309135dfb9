import { createRoute, z } from '@hono/zod-openapi';
import { answers } from './answers.ts';
import type { Api } from './api.ts';

const me = createRoute({
  method: 'get',
  path: '/me',
  tags: ['Accounts'],
  summary: 'Who asks',
  responses: answers(
    200,
    'Whoever sent this request, as the audit log names him.',
    z
      .object({
        name: z.string(),
        role: z.enum(['owner', 'admin', 'auditor']),
        userId: z.string().openapi({ description: 'The account; of a key, the one that it acts for.' }),
        userName: z.string(),
        scopes: z.array(z.string()).openapi({ description: 'What a key is limited to; empty for a person.' }),
      })
      .openapi('Me'),
  ),
});

export function addMe(api: Api): void {
  api.openapi(me, (context) => {
    const { actor, role, userId, userName, scopes } = context.get('actor');
    return context.json({ name: actor, role, userId, userName, scopes: [...scopes] }, 200);
  });
}
