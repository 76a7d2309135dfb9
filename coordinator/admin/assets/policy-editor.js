import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { unifiedMergeView } from '@codemirror/merge';
import { EditorState } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { policyLanguage } from './policy-language.js';

const colours = HighlightStyle.define([
  { tag: tags.comment, color: 'var(--quiet)', fontStyle: 'italic' },
  { tag: tags.propertyName, color: 'var(--info)' },
  { tag: tags.string, color: 'var(--text)' },
  { tag: tags.typeName, color: 'var(--accent)', fontWeight: '600' },
  { tag: [tags.number, tags.atom], color: 'var(--warn)' },
  { tag: tags.invalid, color: 'var(--bad)' },
]);

const look = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: '0.875rem', maxHeight: '65vh' },
  '&.cm-focused': { outline: '3px solid var(--accent)', outlineOffset: '-1px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55', overflow: 'auto' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': {
    backgroundColor: 'var(--back)',
    color: 'var(--quiet)',
    borderRight: '1px solid var(--line)',
  },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--accent) 6%, transparent)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'color-mix(in srgb, var(--accent) 28%, transparent)',
  },
  '.cm-tooltip': {
    backgroundColor: 'var(--surface)',
    color: 'var(--text)',
    border: '1px solid var(--line)',
    borderRadius: '0.4rem',
  },
  // CodeMirror draws these by data: images, which the Content-Security-Policy refuses.
  '.cm-lintRange-error, .cm-lintRange-warning, .cm-lintRange-info': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--bad) 1px',
    textUnderlineOffset: '3px',
  },
  '.cm-lintRange-warning': { textDecorationColor: 'var(--warn)' },
  '.cm-lint-marker': { textAlign: 'center', fontWeight: '700', lineHeight: '1.4' },
  '.cm-lint-marker-error': { content: 'none', color: 'var(--bad)' },
  '.cm-lint-marker-error::before': { content: '"✕"' },
  '.cm-lint-marker-warning': { content: 'none', color: 'var(--warn)' },
  '.cm-lint-marker-warning::before': { content: '"!"' },
  '.cm-changedLine': { backgroundColor: 'color-mix(in srgb, var(--good) 14%, transparent)' },
  '.cm-changedText': { background: 'none', textDecoration: 'underline 2px var(--good)' },
  '.cm-deletedChunk': { backgroundColor: 'color-mix(in srgb, var(--bad) 12%, transparent)' },
  '.cm-deletedChunk .cm-deletedText': { background: 'none', textDecoration: 'line-through 2px var(--bad)' },
});

const reading = [
  lineNumbers(),
  policyLanguage,
  syntaxHighlighting(colours),
  look,
  EditorView.lineWrapping,
  EditorState.readOnly.of(true),
  EditorView.editable.of(false),
];

/**
 * An editor of a policy in `place`. It lives in a shadow root, where its style sheets are constructed ones, which a strict
 * Content-Security-Policy has no objection to. `onChange` is given the text.
 */
export function policyEditor(place, { text, readOnly, label, onChange }) {
  const view = new EditorView({
    ...inShadow(place),
    state: EditorState.create({
      doc: text,
      extensions: [
        lintGutter(),
        ...(readOnly
          ? reading
          : [
              lineNumbers(),
              history(),
              drawSelection(),
              highlightActiveLine(),
              bracketMatching(),
              indentUnit.of('  '),
              policyLanguage,
              syntaxHighlighting(colours),
              look,
              EditorView.lineWrapping,
              // Escape and then Tab leaves the editor (CodeMirror's tab focus mode), as WCAG 2.1.2 wants it.
              keymap.of([...defaultKeymap, ...historyKeymap, ...lintKeymap, indentWithTab]),
              EditorView.updateListener.of((update) => {
                if (update.docChanged) onChange(update.state.doc.toString());
              }),
            ]),
        EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false', autocapitalize: 'none' }),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    setText: (next) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } }),
    /** Marks `{line, column, message, severity}`, both counted from 1. */
    mark(problems) {
      const { doc } = view.state;
      const diagnostics = problems.map(({ line, column, message, severity }) => {
        const at = doc.line(Math.min(Math.max(1, line), doc.lines));
        const from = Math.min(at.from + Math.max(0, column - 1), at.to);
        const word = /^(?:"(?:[^"\\]|\\.)*"?|[\w.:/-]+|.)/.exec(doc.sliceString(from, at.to))?.[0] ?? '';
        return { from, to: from + word.length, message, severity };
      });
      view.dispatch(setDiagnostics(view.state, diagnostics));
    },
    /** Puts the cursor there, and the focus with it. */
    goTo(line, column) {
      const at = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
      const anchor = Math.min(at.from + Math.max(0, column - 1), at.to);
      view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: 'center' }) });
      view.focus();
    },
  };
}

/** What changed from one text to another, as one column. */
export function policyDifference(place, { before, after, label }) {
  return new EditorView({
    ...inShadow(place),
    state: EditorState.create({
      doc: after,
      extensions: [
        ...reading,
        unifiedMergeView({
          original: before,
          mergeControls: false,
          collapseUnchanged: { margin: 3, minSize: 8 },
        }),
        EditorView.contentAttributes.of({ 'aria-label': label }),
      ],
    }),
  });
}

function inShadow(place) {
  const root = place.shadowRoot ?? place.attachShadow({ mode: 'open' });
  root.replaceChildren();
  const parent = document.createElement('div');
  root.append(parent);
  return { parent, root };
}
