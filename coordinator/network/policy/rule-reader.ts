import type { Node } from 'jsonc-parser';
import type { PolicyTest, Rule, Selector, Service, TestTarget } from './document.ts';
import { type KnownKeys, type Member, quoted, type Reading } from './reading.ts';
import {
  hasHostBits,
  hostBitsSet,
  isUnsupported,
  type Names,
  type Place,
  parseSelector,
  splitTarget,
} from './selectors.ts';
import { grantedServices, hasPorts, parseProtocol, servicesOf, unknownProtocol } from './services.ts';

const ACL_KEYS: KnownKeys = {
  action: null,
  src: null,
  dst: null,
  proto: null,
  // What they were called once; files of the field have them still.
  users: null,
  ports: null,
  srcposture: 'device postures are not checked here',
};

const GRANT_KEYS: KnownKeys = {
  src: null,
  dst: null,
  ip: null,
  app: 'there are no application capabilities here',
  via: 'a grant cannot choose its routers',
  srcposture: 'device postures are not checked here',
};

const TEST_KEYS: KnownKeys = {
  src: null,
  accept: null,
  deny: null,
  proto: null,
  // Old names.
  user: null,
  allow: null,
  srcpostureattrs: 'device postures are not checked here',
};

/** Reads the sections that name sources and destinations. */
export class RuleReader {
  readonly #reading: Reading;
  readonly #names: Names;
  readonly #tagOwners: ReadonlyMap<string, unknown>;
  readonly #warnedTags = new Set<string>();

  constructor(reading: Reading, names: Names, tagOwners: ReadonlyMap<string, unknown>) {
    this.#reading = reading;
    this.#names = names;
    this.#tagOwners = tagOwners;
  }

  acls(section: Node | undefined): Rule[] {
    return this.#each(section, 'acls', (node, id) => this.#acl(node, id));
  }

  grants(section: Node | undefined): Rule[] {
    return this.#each(section, 'grants', (node, id) => this.#grant(node, id));
  }

  tests(section: Node | undefined): PolicyTest[] {
    return this.#each(section, 'tests', (node, id) => this.#test(node, id));
  }

  #each<T>(section: Node | undefined, name: string, read: (node: Node, id: string) => T[]): T[] {
    if (section === undefined) return [];
    return this.#reading.list(section, `"${name}"`).flatMap((node, index) => read(node, `${name}[${index}]`));
  }

  #acl(node: Node, id: string): Rule[] {
    const reading = this.#reading;
    const fields = reading.fields(node, 'an acl', ACL_KEYS);
    if (node.type !== 'object') return [];
    const action = fields.get('action');
    if (action === undefined) reading.problem(node, `${id} needs "action": "accept"`);
    else if (action.value.value !== 'accept') {
      reading.problem(
        action.value,
        `${quoted(action.value)} is not an action: what is not accepted is denied`,
      );
    }
    const proto = this.#text(fields.get('proto'), 'proto');
    const sources = this.#selectors(this.#either(node, fields, id, 'src', 'users'), 'source');
    const targets = this.#either(node, fields, id, 'dst', 'ports');
    // One rule for all destinations of the same ports.
    const byPorts = new Map<string, { services: Service[]; destinations: Selector[] }>();
    let self: Node | null = null;
    for (const { node: place, text } of targets === undefined ? [] : reading.strings(targets, '"dst"')) {
      const { target, ports } = splitTarget(text);
      if (ports === null) {
        reading.problem(
          place,
          `${quoted(place)} names no ports: write ${JSON.stringify(`${text}:*`)} for all`,
        );
        continue;
      }
      const destination = this.#selector(place, target, 'destination');
      const services = servicesOf(proto, ports);
      if (typeof services === 'string') reading.problem(place, services);
      else if (destination !== null) {
        if (destination.kind === 'self') self = place;
        const group = byPorts.get(ports) ?? { services, destinations: [] };
        group.destinations.push(destination);
        byPorts.set(ports, group);
      }
    }
    if (self !== null) this.#checkSelf(self, sources);
    const at = reading.at(node);
    return [...byPorts.values()].map((group) => ({ ...at, id, sources, ...group }));
  }

  #grant(node: Node, id: string): Rule[] {
    const reading = this.#reading;
    const before = reading.problems.length;
    const fields = reading.fields(node, 'a grant', GRANT_KEYS);
    if (node.type !== 'object') return [];
    const sources = this.#selectors(this.#required(node, fields, id, 'src'), 'source');
    const list = this.#required(node, fields, id, 'dst');
    const destinations = this.#selectors(list, 'destination');
    const services: Service[] = [];
    let everything = false;
    // Of one that is refused for what it grants instead, such as capabilities, that is all there is to say.
    const isRefused = reading.problems.length > before;
    const ip = isRefused ? fields.get('ip')?.value : this.#required(node, fields, id, 'ip');
    for (const { node: place, text } of ip === undefined ? [] : reading.strings(ip, '"ip"')) {
      const granted = grantedServices(text);
      if (typeof granted === 'string') reading.problem(place, granted);
      else if (granted.length === 0) everything = true;
      else services.push(...granted);
    }
    if (ip?.type === 'array' && ip.children?.length === 0) {
      reading.problem(ip, '"ip" is empty and grants nothing: write "*" for everything');
    }
    if (list !== undefined && destinations.some(({ kind }) => kind === 'self'))
      this.#checkSelf(list, sources);
    return [{ ...reading.at(node), id, sources, destinations, services: everything ? [] : services }];
  }

  #test(node: Node, id: string): PolicyTest[] {
    const reading = this.#reading;
    const fields = reading.fields(node, 'a test', TEST_KEYS);
    if (node.type !== 'object') return [];
    const src = this.#either(node, fields, id, 'src', 'user');
    const text = src === undefined ? null : reading.string(src, '"src" of a test');
    const source = src === undefined || text === null ? null : this.#selector(src, text, 'test');
    const proto = this.#text(fields.get('proto'), 'proto');
    // As in the field: one of the two that most things speak.
    const protocols = proto === undefined || proto === '' ? [6, 17] : parseProtocol(proto);
    if (protocols === undefined || protocols === null) {
      reading.problem((fields.get('proto') as Member).value, unknownProtocol(proto as string));
      return [];
    }
    const targets = (key: string) => this.#targets(fields.get(key)?.value, protocols.every(hasPorts));
    const accept = [...targets('accept'), ...targets('allow')];
    const deny = targets('deny');
    if (!['accept', 'allow', 'deny'].some((key) => fields.has(key))) {
      reading.problem(node, `${id} tests nothing: it has neither "accept" nor "deny"`);
    }
    return source === null ? [] : [{ ...reading.at(node), id, source, protocols, accept, deny }];
  }

  #targets(list: Node | undefined, ported: boolean): TestTarget[] {
    const reading = this.#reading;
    if (list === undefined) return [];
    return reading.strings(list, 'the targets of a test').flatMap(({ node, text }) => {
      const { target, ports } = splitTarget(text);
      const port = ports !== null && /^\d{1,5}$/.test(ports) ? Number(ports) : null;
      if (ported && (port === null || port < 1 || port > 65535)) {
        reading.problem(node, `${quoted(node)} must name one port, such as tag:web:443`);
        return [];
      }
      const destination = this.#selector(node, target, 'test');
      return destination === null
        ? []
        : [{ ...reading.at(node), destination, port: ported ? (port as number) : 0, text }];
    });
  }

  /** Own machines are of a user: no tag, network or host can be the source. */
  #checkSelf(place: Node, sources: readonly Selector[]): void {
    const other = sources.find(
      ({ kind }) => !['any', 'users', 'provider-group', 'role', 'member'].includes(kind),
    );
    if (other === undefined) return;
    this.#reading.problem(
      place,
      `"autogroup:self" needs users as sources, and ${JSON.stringify(other.text)} has no machines of its own`,
    );
  }

  #selectors(list: Node | undefined, place: Place): Selector[] {
    if (list === undefined) return [];
    const what = place === 'source' ? '"src"' : '"dst"';
    return this.#reading.strings(list, what).flatMap(({ node, text }) => {
      const selector = this.#selector(node, text, place);
      return selector === null ? [] : [selector];
    });
  }

  #selector(node: Node, text: string, place: Place): Selector | null {
    const selector = parseSelector(text, place, this.#names);
    if (typeof selector === 'string') {
      this.#reading.problem(node, selector, isUnsupported(text) ? 'unsupported' : 'invalid');
      return null;
    }
    if (selector.kind === 'prefix' && !this.#names.hosts.has(text) && hasHostBits(text, selector.prefix)) {
      this.#reading.warn(node, hostBitsSet(text, selector.prefix));
    }
    if (
      selector.kind === 'tag' &&
      !this.#tagOwners.has(selector.tag) &&
      !this.#warnedTags.has(selector.tag)
    ) {
      this.#warnedTags.add(selector.tag);
      this.#reading.warn(node, `"tag:${selector.tag}" is not in "tagOwners": is it spelled right?`);
    }
    return selector;
  }

  /** A field under its name or an old one; a problem if it has both or none. */
  #either(node: Node, fields: Map<string, Member>, id: string, name: string, old: string): Node | undefined {
    const both = fields.get(old);
    if (both !== undefined && fields.has(name)) {
      this.#reading.problem(both.key, `${id} has both "${name}" and its old name "${old}"`);
    }
    return both?.value ?? this.#required(node, fields, id, name);
  }

  #required(node: Node, fields: Map<string, Member>, id: string, name: string): Node | undefined {
    const member = fields.get(name);
    if (member === undefined) this.#reading.problem(node, `${id} needs "${name}"`);
    return member?.value;
  }

  #text(member: Member | undefined, what: string): string | undefined {
    return member === undefined ? undefined : (this.#reading.string(member.value, what) ?? undefined);
  }
}
