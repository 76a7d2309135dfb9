import { expect, it } from 'vitest';
import { Closing } from '../../../agent/daemon/closing.ts';
import { createLogger } from '../../../shared/log.ts';

it('closes one after the other, the last first, whether one fails or not, and each once', async () => {
  const closing = new Closing(createLogger('silent', 'test'));
  const closed: string[] = [];
  closing.add({ close: () => closed.push('first') });
  closing.add({
    close: async () => {
      await Promise.resolve();
      closed.push('second');
    },
  });
  closing.add({
    close: () => {
      closed.push('third');
      throw new Error('it does not want to');
    },
  });
  await closing.close();
  await closing.close();
  expect(closed).toEqual(['third', 'second', 'first']);
});
