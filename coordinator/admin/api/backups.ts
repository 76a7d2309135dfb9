import { createReadStream, rmSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { WarrenError } from '../../../shared/errors.ts';
import type { AdminDependencies } from '../dependencies.ts';
import type { Api, ApiDependencies } from './api.ts';
import { Problem } from './problem.ts';
import { isoTime } from './values.ts';

const tags = ['Backups'];
const BACKUP_TYPE = 'application/vnd.sqlite3';
const PROBLEM = {
  description: 'What went wrong.',
  content: { 'application/problem+json': { schema: Problem } },
};
const File = z.string().openapi({ format: 'binary' });

const download = createRoute({
  method: 'get',
  path: '/backups/download',
  tags,
  summary: 'Download a copy of the database',
  description:
    'As it is at one moment, while it is in use. It holds the secrets of the network: keep it as safe.',
  responses: {
    200: { description: 'The backup.', content: { [BACKUP_TYPE]: { schema: File } } },
    '4XX': PROBLEM,
    '5XX': PROBLEM,
  },
});

const restore = createRoute({
  method: 'post',
  path: '/backups/restore',
  tags,
  summary: 'Go back to a backup',
  description:
    'It is checked as a whole first. The coordinator then starts anew from it: whoever is signed in has to sign in again, and agents take the network as the backup has it.',
  request: { body: { required: true, content: { [BACKUP_TYPE]: { schema: File } } } },
  responses: {
    202: {
      description: 'The backup is good, and the coordinator is starting anew from it.',
      content: { 'application/json': { schema: z.object({ restarting: z.literal(true) }) } },
    },
    '4XX': PROBLEM,
    '5XX': PROBLEM,
  },
});

export function addBackups(api: Api, { backups, clock }: ApiDependencies): void {
  api.openapi(download, async (context) => {
    const path = await supported(backups).files.create(context.get('actor'));
    const file = createReadStream(path);
    // It has a name no longer than until it is open: what is being read stays until it has been.
    await new Promise((resolve, reject) => file.once('open', resolve).once('error', reject));
    const { size } = statSync(path);
    rmSync(path, { force: true });
    const day = isoTime(clock.wall()).slice(0, 10);
    return new Response(Readable.toWeb(file) as unknown as ReadableStream, {
      headers: {
        'Content-Type': BACKUP_TYPE,
        'Content-Length': String(size),
        'Content-Disposition': `attachment; filename="warren-backup-${day}.db"`,
      },
    });
  });

  api.openapi(restore, async (context) => {
    const { files, restart } = supported(backups);
    checkType(context);
    const { body } = context.req.raw;
    if (body === null)
      throw new HTTPException(400, { message: 'the request has no body; send the backup as it is' });
    await files.receive(body as unknown as WebStream, context.get('actor'));
    restart();
    return context.json({ restarting: true as const }, 202);
  });
}

function supported(backups: AdminDependencies['backups']): NonNullable<AdminDependencies['backups']> {
  if (backups !== null) return backups;
  throw new WarrenError('unsupported', 'a PostgreSQL database is backed up by its own tools', {
    hint: 'use pg_dump and pg_restore',
  });
}

function checkType(context: Context): void {
  const type = (context.req.header('Content-Type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === BACKUP_TYPE || type === 'application/octet-stream') return;
  throw new HTTPException(415, { message: `a backup is sent as ${BACKUP_TYPE}` });
}
