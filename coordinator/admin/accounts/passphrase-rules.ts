/** Shorter ones are found by trying; length counts for more than kinds of characters (NIST SP 800-63B, 5.1.1.2). */
export const MIN_PASSPHRASE = 12;
const MAX_PASSPHRASE = 512;
/** Different characters that one has to have at least. */
const MIN_DISTINCT = 6;
const SEQUENCES = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890123456789',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
];
/** What is left of a passphrase once such words are taken away has to be of some length. */
const COMMON = [
  'password',
  'passphrase',
  'passwort',
  'warren',
  'welcome',
  'letmein',
  'changeme',
  'admin',
  'secret',
];
const MIN_REST = 6;

/** Why a passphrase is too easy to guess for an account of that name, or null. */
export function passphraseProblem(passphrase: string, userName: string): string | null {
  const text = passphrase.normalize('NFKC');
  if ([...text].length < MIN_PASSPHRASE) return `at least ${MIN_PASSPHRASE} characters; a few words do well`;
  if ([...text].length > MAX_PASSPHRASE) return `at most ${MAX_PASSPHRASE} characters`;
  const lower = text.toLowerCase();
  if (new Set(lower).size < MIN_DISTINCT) return 'too few different characters';
  let rest = lower;
  for (const word of [...userName.toLowerCase().split(/[@.]/), ...COMMON].filter(
    ({ length }) => length > 2,
  )) {
    rest = rest.replaceAll(word, '');
  }
  for (const sequence of SEQUENCES) {
    for (const way of [sequence, [...sequence].reverse().join('')]) rest = withoutRuns(rest, way);
  }
  return rest.length < MIN_REST
    ? 'too easy to guess: it is made of common words, your name or a row of keys'
    : null;
}

/** The text without stretches of four and more characters that stand in a sequence one after the other. */
function withoutRuns(text: string, sequence: string): string {
  let result = '';
  for (let at = 0; at < text.length; ) {
    let length = 1;
    while (at + length < text.length && sequence.includes(text.slice(at, at + length + 1))) length++;
    if (length < 4) {
      result += text[at];
      at++;
    } else at += length;
  }
  return result;
}
