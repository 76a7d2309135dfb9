import { StreamLanguage } from '@codemirror/language';

const WORDS = new Set(['true', 'false', 'null']);

/**
 * JSON with comments and trailing commas, for colours alone: what is wrong with a document the coordinator's own parser says. Names of
 * members and texts that are values have different colours, and so has what names somebody (`group:`, `tag:`, `autogroup:`).
 */
export const policyLanguage = StreamLanguage.define({
  name: 'policy',
  startState: () => ({ inComment: false }),
  token(stream, state) {
    if (state.inComment) {
      state.inComment = !stream.skipTo('*/');
      if (state.inComment) stream.skipToEnd();
      else stream.match('*/');
      return 'comment';
    }
    if (stream.eatSpace()) return null;
    if (stream.match('//')) {
      stream.skipToEnd();
      return 'comment';
    }
    if (stream.match('/*')) {
      state.inComment = true;
      return 'comment';
    }
    const text = stream.match(/^"(?:[^"\\]|\\.)*"?/);
    if (text) {
      if (stream.match(/^\s*:/, false)) return 'propertyName';
      return /^"(?:group|tag|autogroup):/.test(text[0]) ? 'typeName' : 'string';
    }
    if (stream.match(/^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/)) return 'number';
    const word = stream.match(/^[a-z]+/);
    if (word) return WORDS.has(word[0]) ? 'atom' : 'invalid';
    return /[{}[\],:]/.test(stream.next()) ? 'punctuation' : 'invalid';
  },
  languageData: { commentTokens: { line: '//', block: { open: '/*', close: '*/' } } },
});
