import { createScanner, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import type { Position, Problem, ProblemCode } from './document.ts';

/** A policy of ten thousand lines has a third of this. */
export const MAX_POLICY_TEXT = 1 << 20;
/** What a document nests is four deep. */
const MAX_DEPTH = 32;
/** More than this many mistakes are not told one by one. */
const MAX_PROBLEMS = 100;

/** A member of an object in the text. */
export interface Member {
  readonly key: Node;
  readonly value: Node;
}

/** Keys that an object may have, in lower case, each with why it is refused or null. What is refused may stand there and say nothing. */
export type KnownKeys = Readonly<Record<string, string | null>>;

/** Walks a document and collects all that is wrong with it, with places. */
export class Reading {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  /** The outermost value; undefined when the text is no JSON, which is among the problems then. */
  readonly root: Node | undefined;
  readonly #lineStarts = [0];

  constructor(text: string) {
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) this.#lineStarts.push(i + 1);
    if (text.length > MAX_POLICY_TEXT) {
      this.#say(0, `the document is longer than ${MAX_POLICY_TEXT} characters`, 'invalid');
    } else if (this.#shallow(text)) this.root = this.#tree(text);
  }

  position(offset: number): Position {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] as number) + 1 };
  }

  at(node: Node): Position {
    return this.position(node.offset);
  }

  problem(node: Node, message: string, code: ProblemCode = 'invalid'): void {
    this.#say(node.offset, message, code);
  }

  warn(node: Node, message: string): void {
    this.warnings.push({ ...this.at(node), code: 'warning', message });
  }

  /** Members by their keys; keys differ by more than case, as Go reads them. Null when it is no object. */
  object(node: Node, what: string): Member[] | null {
    if (node.type !== 'object') {
      this.problem(node, `${what} must be an object { … }, not ${kindOf(node)}`);
      return null;
    }
    const seen = new Map<string, Node>();
    const members: Member[] = [];
    for (const property of node.children ?? []) {
      const [key, value] = property.children ?? [];
      if (key === undefined || value === undefined) continue;
      const name = String(key.value).toLowerCase();
      const before = seen.get(name);
      if (before !== undefined) {
        this.problem(key, `${quoted(key)} stands in ${what} twice, first in line ${this.at(before).line}`);
        continue;
      }
      seen.set(name, key);
      members.push({ key, value });
    }
    return members;
  }

  /** Members of an object whose keys are known, by lower-case key; the others are problems. */
  fields(node: Node, what: string, known: KnownKeys): Map<string, Member> {
    const fields = new Map<string, Member>();
    for (const member of this.object(node, what) ?? []) {
      const name = String(member.key.value).toLowerCase();
      const refused = Object.hasOwn(known, name) ? known[name] : undefined;
      if (refused === null) fields.set(name, member);
      else if (refused === undefined) this.problem(member.key, `${what} has no ${quoted(member.key)}`);
      else if (!saysNothing(member.value))
        this.problem(member.key, `${quoted(member.key)} is not supported: ${refused}`, 'unsupported');
    }
    return fields;
  }

  list(node: Node, what: string): Node[] {
    if (node.type === 'array') return node.children ?? [];
    this.problem(node, `${what} must be a list [ … ], not ${kindOf(node)}`);
    return [];
  }

  /** The strings of a list; what is none is a problem. */
  strings(node: Node, what: string): { node: Node; text: string }[] {
    return this.list(node, what).flatMap((element) => {
      const text = this.string(element, `an element of ${what}`);
      return text === null ? [] : [{ node: element, text }];
    });
  }

  string(node: Node, what: string): string | null {
    if (node.type === 'string') return node.value as string;
    this.problem(node, `${what} must be a string, not ${kindOf(node)}`);
    return null;
  }

  /** Before the tree is built: neither parser nor walk may run out of stack. */
  #shallow(text: string): boolean {
    const scanner = createScanner(text, true);
    let depth = 0;
    for (scanner.scan(); scanner.getTokenLength() > 0; scanner.scan()) {
      // Strings begin with a quote and comments are left out, so the first character tells.
      const first = text[scanner.getTokenOffset()];
      if (first === '{' || first === '[') depth++;
      else if (first === '}' || first === ']') depth--;
      if (depth <= MAX_DEPTH) continue;
      this.#say(scanner.getTokenOffset(), `nested deeper than ${MAX_DEPTH}`, 'invalid');
      return false;
    }
    return true;
  }

  #tree(text: string): Node | undefined {
    const errors: ParseError[] = [];
    const tree = parseTree(text, errors, { allowTrailingComma: true });
    for (const { error, offset } of errors) {
      const code = printParseErrorCode(error);
      this.#say(offset, SYNTAX[code] ?? `not JSON: ${code}`, 'syntax');
    }
    return errors.length === 0 ? tree : undefined;
  }

  #say(offset: number, message: string, code: ProblemCode): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ ...this.position(offset), code, message });
  }
}

const SYNTAX: Readonly<Record<string, string>> = {
  ValueExpected: 'a value is missing here',
  CommaExpected: 'a comma is missing before this',
  ColonExpected: 'a colon is missing before this',
  PropertyNameExpected: 'a key in double quotes is missing here',
  CloseBraceExpected: 'a closing } is missing here',
  CloseBracketExpected: 'a closing ] is missing here',
  EndOfFileExpected: 'the document ends before this',
  InvalidSymbol: 'this word is no JSON',
  UnexpectedEndOfComment: 'this comment does not end',
  UnexpectedEndOfString: 'this string does not end on its line',
};

/** A key or string as a message shows it. */
export function quoted(node: Node): string {
  return JSON.stringify(String(node.value).slice(0, 100));
}

/** Empty, off or null, as exported files have what is not used. */
function saysNothing({ type, value, children = [] }: Node): boolean {
  if (type === 'array' || type === 'object') return children.length === 0;
  return type === 'null' || value === false || value === '';
}

function kindOf(node: Node): string {
  switch (node.type) {
    case 'array':
      return 'a list';
    case 'object':
      return 'an object';
    case 'null':
      return 'null';
    default:
      return `a ${node.type}`;
  }
}
