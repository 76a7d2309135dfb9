/**
 * Routers with NATs of each kind, as network namespaces with nftables, around an Internet in the middle:
 *
 *     const lab = new Lab();                     //  a ── home (NAT) ── core ── b
 *     const internet = await Internet.open(lab);
 *     const home = await internet.nat('home', { kind: 'symmetric' });
 *     const a = await home.host('a');            //  192.168.1.2
 *     const b = await internet.host('b');        //  203.0.113.6, 2001:db8:2::2
 *
 * `core` routes between everybody that is attached; each has a cable of its own, 203.0.113.4n+2/30 and 2001:db8:n::2/64.
 * A NAT's site has 192.168.n.0/24 and, without translation but behind a firewall, 2001:db8:n:1::/64. It may have a second
 * network, 192.168.(100 + n).0/24.
 */
import type { Lab, TestHost } from './netns.ts';

/** RFC 4787's kinds, by the names that people use. Linux' own masquerade is `port-restricted-cone`. */
export type NatLabKind = 'full-cone' | 'restricted-cone' | 'port-restricted-cone' | 'symmetric';

export interface NatOptions {
  kind: NatLabKind;
  /** Hosts of the site reach each other by their outer addresses. */
  hairpin?: boolean;
  /** Nothing passes between the site's networks, as between a network and that for guests. */
  isolates?: boolean;
  /** Stand behind this NAT instead of on the Internet. */
  behind?: NatRouter;
  /** No IPv6 for the site. */
  ipv4Only?: boolean;
}

/** Seconds, as Linux itself keeps a UDP flow that was not answered. */
const MAPPING_SECONDS = 30;

/** The Internet: a router in the middle with a cable to everybody. */
export class Internet {
  readonly core: TestHost;
  readonly lab: Lab;
  #attached = 0;
  #sites = 0;

  private constructor(lab: Lab, core: TestHost) {
    this.lab = lab;
    this.core = core;
  }

  static async open(lab: Lab): Promise<Internet> {
    const core = await lab.host('core');
    await forward(core);
    return new Internet(lab, core);
  }

  /** A host with a public address in each family. */
  async host(label: string, family: 'both' | 4 | 6 = 'both'): Promise<InternetHost> {
    const host = await this.lab.host(label);
    const place = await this.attach(host, family);
    return Object.assign(host, place);
  }

  async nat(label: string, options: NatOptions): Promise<NatRouter> {
    const host = await this.lab.host(label);
    const place =
      options.behind === undefined
        ? await this.attach(host, options.ipv4Only ? 4 : 'both')
        : await options.behind.plug(host);
    const number = ++this.#sites;
    return NatRouter.open(this, host, place, number, options);
  }

  /** Gives a host a cable to the core, addresses and a default route. */
  async attach(host: TestHost, family: 'both' | 4 | 6 = 'both'): Promise<Attachment> {
    const n = ++this.#attached;
    const [ip, ip6] = [`203.0.113.${4 * n + 2}`, `2001:db8:${n}::2`];
    const four = family !== 6;
    const six = family !== 4;
    const [coreDevice, device] = await this.lab.link(
      this.core,
      [...(four ? [`203.0.113.${4 * n + 1}/30`] : []), ...(six ? [`2001:db8:${n}::1/64`] : [])],
      host,
      [...(four ? [`${ip}/30`] : []), ...(six ? [`${ip6}/64`] : [])],
    );
    if (four) await host.ip(`route add default via 203.0.113.${4 * n + 1}`);
    if (six) await host.ip(`-6 route add default via 2001:db8:${n}::1`);
    return { ip, ip6, device, network: n, coreDevice, hasSix: six };
  }
}

/** Where something is attached. */
export interface Attachment {
  readonly ip: string;
  readonly ip6: string;
  /** Its device towards the outside. */
  readonly device: string;
  readonly network: number;
  /** The core's device towards it; empty where it is not attached to the core itself. */
  readonly coreDevice: string;
  readonly hasSix: boolean;
}

export type InternetHost = TestHost & Attachment;
export type SiteHost = TestHost & { readonly ip: string; readonly ip6: string };

/** A router with a NAT for IPv4 and a firewall for IPv6, and the site behind it. */
export class NatRouter {
  readonly router: TestHost;
  /** Its outer address. */
  readonly ip: string;
  readonly outside: string;
  readonly #lab: Lab;
  readonly #options: NatOptions;
  readonly #network: number;
  readonly #prefix6: string | null;
  /** The site's switch. */
  readonly site: TestHost;
  #hosts = 1;
  /** Where the tunnel's port ends up after a reboot; null for where it was. */
  #shift: number | null = null;
  #blocksUdp = false;
  #lossPercent = 0;

  private constructor(
    lab: Lab,
    router: TestHost,
    place: Attachment,
    number: number,
    site: TestHost,
    options: NatOptions,
  ) {
    this.#lab = lab;
    this.router = router;
    this.ip = place.ip;
    this.outside = place.device;
    this.site = site;
    this.#network = number;
    this.#options = options;
    this.#prefix6 = place.hasSix ? `2001:db8:${place.network}:1::` : null;
  }

  static async open(
    internet: Internet,
    router: TestHost,
    place: Attachment,
    number: number,
    options: NatOptions,
  ): Promise<NatRouter> {
    const { lab, core } = internet;
    const site = await lab.switch(`${router.label}-site`);
    const nat = new NatRouter(lab, router, place, number, site, options);
    const six = nat.#prefix6 === null ? [] : [`${nat.#prefix6}1/64`];
    await lab.plug(router, site, [`192.168.${number}.1/24`, ...six]);
    await forward(router);
    if (nat.#prefix6 !== null) await core.ip(`-6 route add ${nat.#prefix6}/64 via ${place.ip6}`);
    await nat.#load();
    return nat;
  }

  /** A host of the site. */
  async host(label: string): Promise<SiteHost> {
    const host = await this.#lab.host(label);
    const { ip, ip6 } = await this.plug(host);
    return Object.assign(host, { ip, ip6 });
  }

  /** A host of the site's second network, for one: 192.168.(100 + n).2. */
  async hostApart(label: string): Promise<SiteHost> {
    const host = await this.#lab.host(label);
    const network = `192.168.${100 + this.#network}`;
    await this.#lab.link(this.router, [`${network}.1/24`], host, [`${network}.2/24`]);
    await host.ip(`route add default via ${network}.1`);
    return Object.assign(host, { ip: `${network}.2`, ip6: '' });
  }

  /** Gives a host a place in the site: an address and a default route. */
  async plug(host: TestHost): Promise<Attachment> {
    const n = ++this.#hosts;
    const ip = `192.168.${this.#network}.${n}`;
    const ip6 = this.#prefix6 === null ? '' : `${this.#prefix6}${n}`;
    const device = await this.#lab.plug(host, this.site, [`${ip}/24`, ...(ip6 === '' ? [] : [`${ip6}/64`])]);
    await host.ip(`route add default via 192.168.${this.#network}.1`);
    if (ip6 !== '') await host.ip(`-6 route add default via ${this.#prefix6}1`);
    return { ip, ip6, device, network: this.#network, coreDevice: '', hasSix: false };
  }

  /** Lets no UDP out or in, in either family, or lets it again. */
  async blockUdp(blocked = true): Promise<void> {
    this.#blocksUdp = blocked;
    await this.#load();
  }

  /** Loses this share of all datagrams, each way. */
  async lose(percent: number): Promise<void> {
    this.#lossPercent = percent;
    await this.#load();
  }

  /**
   * Forgets every mapping, as a router that was switched off and on. With `newPort`, what comes from UDP port 51820 of the
   * site gets this outer port from now on, as it would where ports are drawn anew.
   */
  async reboot(newPort: number | null = null): Promise<void> {
    this.#shift = newPort;
    // The kernel forgets what was masqueraded behind a device that goes down, and everything under rules that are gone …
    await this.router.ip(`link set ${this.outside} down`);
    await this.#load();
    await this.router.ip(`link set ${this.outside} up`);
    await this.router.ip(`route replace default via ${this.#gateway()}`);
  }

  /** What stands on the other end of the outer cable. */
  #gateway(): string {
    const parts = this.ip.split('.').map(Number) as [number, number, number, number];
    const last = this.ip.startsWith('192.168.') ? 1 : parts[3] - 1;
    return [...parts.slice(0, 3), last].join('.');
  }

  /** Replaces all rules. Sets and maps begin empty. */
  async #load(): Promise<void> {
    await this.router.runOk('nft', ['-f', '-'], { input: this.#rules() });
  }

  #rules(): string {
    const { kind, hairpin = false, isolates = false } = this.#options;
    const { outside, ip } = this;
    const fromInside = `iifname != { "${outside}", "lo" }`;
    const lets = {
      'full-cone': `iifname "${outside}" ip daddr ${ip} meta l4proto udp dnat to udp dport map @ports`,
      'restricted-cone': `iifname "${outside}" ip daddr ${ip} ip saddr . udp dport @sent dnat to udp dport map @ports`,
      // What was sent to is known to connection tracking, and nothing else is let in.
      'port-restricted-cone': '',
      symmetric: '',
    }[kind];
    const masquerade =
      kind === 'symmetric'
        ? 'masquerade random,fully-random'
        : this.#shift === null
          ? 'masquerade'
          : `udp sport 51820 masquerade to :${this.#shift}; oifname "${outside}" masquerade`;
    return `
      table inet warren_nat
      delete table inet warren_nat
      table ip warren_nat
      delete table ip warren_nat
      table ip warren_nat {
        # Outer port (which is the inner one) to inner host, and who was sent to from there.
        map ports { type inet_service : ipv4_addr; flags dynamic,timeout; timeout ${MAPPING_SECONDS}s; size 65535; }
        set sent { type ipv4_addr . inet_service; flags dynamic,timeout; timeout ${MAPPING_SECONDS}s; size 65535; }
        chain prerouting {
          type nat hook prerouting priority dstnat;
          ${lets}
          ${hairpin ? `${fromInside} ip daddr ${ip} meta l4proto udp dnat to udp dport map @ports` : ''}
        }
        chain postrouting {
          type nat hook postrouting priority srcnat;
          oifname "${outside}" ${masquerade}
          ${hairpin ? `oifname != "${outside}" ${fromInside} ct status dnat snat to ${ip}` : ''}
        }
        chain remember {
          type filter hook forward priority filter;
          oifname "${outside}" meta l4proto udp update @ports { udp sport : ip saddr } update @sent { ip daddr . udp sport }
        }
      }
      table inet warren_nat {
        chain forward {
          type filter hook forward priority filter;
          ${this.#blocksUdp ? 'meta l4proto udp drop' : ''}
          ${this.#lossPercent > 0 ? `meta l4proto udp numgen random mod 100 < ${this.#lossPercent} drop` : ''}
          ct state established,related accept
          ct status dnat accept
          ${isolates ? `oifname != "${outside}" ${fromInside} drop` : ''}
          iifname "${outside}" drop
        }
        chain input {
          type filter hook input priority filter;
          # As home routers do. Answered with an error, a datagram from outside would take the place in the connection
          # table that the probe going the other way needs for its port.
          iifname "${outside}" meta l4proto udp drop
          ${hairpin ? '' : `${fromInside} ip daddr ${ip} meta l4proto udp drop`}
        }
      }`;
  }
}

async function forward(host: TestHost): Promise<void> {
  await host.runOk('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
}
