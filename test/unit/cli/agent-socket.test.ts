import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentSocket } from '../../../agent/cli/agent-socket.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'warren-socket-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('agentSocket', () => {
  it('of a host that has left is none: it has to join, not to be started', () => {
    writeFileSync(join(folder, 'lock'), '', { mode: 0o600 });
    expect(() => agentSocket(folder)).toThrow(/has not joined/);
  });

  it('is that of the folder while an agent runs on it', () => {
    const socket = join(folder, 'agent.sock');
    writeFileSync(socket, '', { mode: 0o600 });
    expect(agentSocket(folder)).toBe(socket);
  });
});
