import { expect, it } from 'vitest';
import { LatePart } from '../../../agent/daemon/late-part.ts';

const ending = new AbortController();
let closed = 0;
const part = { close: () => ++closed };

it('is there once it has started, and closed with it', async () => {
  const late = new LatePart(async () => () => part, ending.signal);
  expect([late.part, late.close()]).toEqual([null, undefined]);
  await late.start();
  expect(late.part).toBe(part);
  late.close();
  expect(closed).toBe(1);
});

it('is none where there is to be none, or the end has come while its code was loaded', async () => {
  const none = new LatePart<typeof part>(async () => null, ending.signal);
  await none.start();
  expect(none.part).toBeNull();
  let begun = 0;
  const late = new LatePart(async () => {
    ending.abort();
    return () => {
      begun++;
      return part;
    };
  }, ending.signal);
  await late.start();
  expect([late.part, begun]).toEqual([null, 0]);
});
