import { describe, expect, it } from 'vitest';
import { WarrenError } from '../../../shared/errors.ts';
import { formatJoinToken, isCoordinatorUrl, parseJoinToken } from '../../../shared/join-token.ts';

const token = {
  urls: ['https://vpn.example.com:8443', 'https://[2001:db8::1]:8443'],
  pin: new Uint8Array(32).fill(1),
  secret: new Uint8Array(32).fill(2),
};
const text = formatJoinToken(token);

describe('join tokens', () => {
  it('carry URLs, pin and secret, and survive white space around them', () => {
    expect(parseJoinToken(` ${text}\n`)).toEqual(token);
  });

  it.each([
    ['empty', ''],
    ['something else', 'hello'],
    ['a newer kind', text.replace('warren1_', 'warren2_')],
    ['the head only', text.slice(0, 60)],
    ['the last character lost', text.slice(0, -1)],
    ['the last four characters lost', text.slice(0, -4)],
    ['one character changed', `${text.slice(0, 20)}${text[20] === 'A' ? 'B' : 'A'}${text.slice(21)}`],
    ['a space within', `${text.slice(0, 30)} ${text.slice(30)}`],
    ['endless', `warren1_${'A'.repeat(10_000)}`],
  ])('%s is refused, and the error does not repeat it', (_, broken) => {
    const error = (() => {
      try {
        return parseJoinToken(broken);
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(WarrenError);
    expect((error as WarrenError).code).toBe('usage');
    if (broken.length > 10) expect((error as WarrenError).message).not.toContain(broken.slice(8, 30));
  });

  it('a token without a usable URL is refused', () => {
    expect(() => parseJoinToken(formatJoinToken({ ...token, urls: ['http://example.com:80'] }))).toThrow(
      WarrenError,
    );
  });

  it.each([
    ['https://a:8443', true],
    ['https://[::1]:8443', true],
    ['https://a', false],
    ['https://a:8443/', false],
    ['https://u@a:8443', false],
    ['https://a:8443?x', false],
    ['https://a:99999', false],
    ['http://a:8443', false],
  ])('%s is a coordinator URL: %s', (url, valid) => {
    expect(isCoordinatorUrl(url)).toBe(valid);
  });
});
