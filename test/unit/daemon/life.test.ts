import { beforeEach, describe, expect, it } from 'vitest';
import { Life } from '../../../agent/daemon/life.ts';
import { WarrenError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';

const away = new WarrenError('unavailable', 'the coordinator is away');
const removed = new WarrenError('unauthenticated', 'this node was removed');

let life: Life;
let happened: string[];
/** What becomes of telling the coordinator that the node leaves. */
let telling: (force: boolean) => Promise<boolean>;
let isEphemeral: boolean;

beforeEach(() => {
  happened = [];
  telling = async () => true;
  isEphemeral = false;
  life = new Life(createLogger('silent', 'test'), 10);
  life.closing.add({ close: () => happened.push('closed') });
});

const begin = async () => {
  life.has({
    leavesWhenStopped: () => isEphemeral,
    leave: async (force) => {
      happened.push('leaves');
      return telling(force);
    },
    keepGuard: (hasStarted) => happened.push(`keeps the guard of ${hasStarted ? 'now' : 'before'}`),
  });
};
const start = () => life.start(begin);

describe('an agent that is stopped', () => {
  it('ends once, however often it is asked to', async () => {
    await start();
    life.stop();
    expect(life.ending.aborted).toBe(true);
    life.stop();
    life.fail(new Error('too late'));
    expect(await life.ended).toEqual({ kind: 'stopped' });
    expect(happened).toEqual(['closed']);
  });

  it('while it starts ends when that is through', async () => {
    let goOn = () => {};
    const starting = life.start(
      () =>
        new Promise((resolve) => {
          goOn = resolve;
        }),
    );
    life.stop();
    await new Promise(setImmediate);
    expect(happened).toEqual([]);
    goOn();
    await starting;
    expect(await life.ended).toEqual({ kind: 'stopped' });
    expect(happened).toEqual(['closed']);
  });

  it('leaves the network if it is ephemeral', async () => {
    isEphemeral = true;
    await start();
    life.stop();
    life.stop();
    expect(await life.ended).toEqual({ kind: 'left' });
    expect(happened).toEqual(['leaves', 'closed']);
  });

  it('and is ephemeral waits only so long for a coordinator that is to be told', async () => {
    isEphemeral = true;
    telling = () => new Promise(() => {});
    await start();
    life.stop();
    expect(await life.ended).toEqual({ kind: 'stopped' });
    expect(happened).toEqual(['leaves', 'closed']);
  });

  it('and is ephemeral ends when the coordinator cannot be told', async () => {
    isEphemeral = true;
    telling = async () => {
      throw away;
    };
    await start();
    life.stop();
    expect(await life.ended).toEqual({ kind: 'stopped' });
  });
});

describe('an agent that is to leave', () => {
  it('ends having left, and says whether the coordinator knows', async () => {
    await start();
    telling = async (force) => !force;
    expect(await life.leave(true)).toEqual({ told: false });
    expect(happened).toEqual(['leaves']);
    expect(await life.ended).toEqual({ kind: 'left' });
  });

  it('goes on when the coordinator cannot be told', async () => {
    await start();
    telling = async () => {
      throw away;
    };
    await expect(life.leave(false)).rejects.toBe(away);
    expect(life.ending.aborted).toBe(false);
    // From here on it is a failure again.
    life.refused(removed);
    expect(await life.ended).toEqual({ kind: 'failed', error: removed });
  });

  it('is not told that it failed because the coordinator no longer knows it', async () => {
    await start();
    telling = async () => {
      life.refused(removed);
      return true;
    };
    await life.leave(false);
    expect(await life.ended).toEqual({ kind: 'left' });
  });
});

describe('an agent that fails', () => {
  it('says why in one error, and leaves what guards its host', async () => {
    await start();
    life.fail(new TypeError('of null'));
    expect(await life.ended).toMatchObject({
      kind: 'failed',
      error: { code: 'internal', message: 'of null' },
    });
    expect(happened).toEqual(['keeps the guard of now', 'closed']);
  });

  it('at its start leaves nothing behind but what was there before, and throws why', async () => {
    const starting = life.start(async () => {
      await begin();
      throw away;
    });
    await expect(starting).rejects.toBe(away);
    expect(happened).toEqual(['keeps the guard of before', 'closed']);
    expect(await life.ended).toEqual({ kind: 'stopped' });
  });
});
