/** The limits of path discovery, all in one place. Times in milliseconds. */

/** Candidates kept for a peer: what it told, and beside those what its own probes came from (a spray hits four times on average). */
export const MAX_CANDIDATES = 16;
export const MAX_LEARNED = 16;

/** When the rounds of one discovery begin, counted from its start. Both ends do it at once, so early rounds open NATs. */
export const ROUNDS: readonly number[] = [0, 120, 300, 600, 1000, 1500, 2200, 3000];
/** Rounds in which the invitation is sent again as long as nothing was found: the relay may not have been there before. */
export const INVITING_ROUNDS: readonly number[] = [0, 3, 5, 7];
/** While there is traffic and no direct path: the pause before the next discovery, the last one from then on. */
export const DISCOVERY_PAUSES: readonly number[] = [4_000, 8_000, 15_000, 20_000];
/** While there is traffic on a direct path: how often better ones are looked for. */
export const UPGRADE_PAUSE = 60_000;
/** Up to this share is added to pauses at random, so that a network that returns is not greeted by all at once. */
export const PAUSE_JITTER = 0.2;

/** After this long without a packet to send, the path is no longer watched. */
export const TRAFFIC_TIME = 15_000;
/** A peer's invitation or probe that says it has traffic makes this end answer in kind for so long. */
export const WANTED_TIME = 15_000;
/** Under traffic: a path is asked this often whether it lives … */
export const HEARTBEAT = 1_000;
/** … more often when it does not answer … */
export const HEARTBEAT_RETRY = 200;
/** … and left when no probe sent after this long ago was answered. Together under the 3 s of SEC-32. */
export const DEAD_AFTER = 2_000;

/** Without traffic: how long a path through a NAT is kept open, and how often that takes a probe (mappings last 30 s and more). */
export const WARM_TIME = 120_000;
export const KEEPALIVE = 20_000;
/** A path that has not answered for so long may be gone: traffic begins by relay again. */
export const TRUST = 25_000;
/** A path is chosen only if it answered a probe sent less than this ago. */
export const FRESH = DEAD_AFTER;

/** A probe is waited for so long. */
export const PROBE_TIMEOUT = 5_000;
/** The least time between two probes to one address. */
export const PROBE_INTERVAL = 50;
/** Invitations of one peer that are heeded: so many at once, and one more each INVITATION_INTERVAL. */
export const INVITATION_BURST = 4;
export const INVITATION_INTERVAL = 1_000;
/** Invitations and probes remembered so that a replay is not answered. */
export const SEEN_MEMORY = 256;
/** Probes of one source address looked at: a second, and at once. Many peers may share one NAT. */
export const PROBES_PER_SECOND = 400;
export const PROBES_BURST = 400;

/** A path in the same class is better only if its round trip is shorter by this factor and by this many milliseconds. */
export const HYSTERESIS_FACTOR = 0.8;
export const HYSTERESIS = 3;
/** IPv6 is no worse if its round trip is at most this much longer. */
export const IPV6_GRACE = 1;

/**
 * The birthday technique: with 256 mappings among 64,512 ports, 1,024 probes miss all of them in (1 - 256/64512)^1024 = 1.7%
 * of cases. Sockets and probes come in parts, so that neither a NAT's table nor a queue gets them in one burst.
 */
export const SPRAY_SOCKETS = 256;
export const SPRAY_PROBES = 1_024;
export const SPRAY_TICK = 20;
export const SPRAY_SOCKETS_PER_TICK = 32;
export const SPRAY_PROBES_PER_TICK = 24;
/** What is simpler is tried for so long before. */
export const SPRAY_AFTER = 350;
/** Sockets that won nothing are closed after so long. */
export const SPRAY_TIME = 4_000;
/** A spray ends so long after a path was found: what is under way may still show a better one. */
export const SPRAY_GRACE = 500;
/** Between two sprays at one peer, and how many there are before the networks change or the peer falls idle … */
export const SPRAY_PAUSE = 15_000;
export const SPRAY_TRIES = 4;
/** … for so long: an end that has nothing to send hears of the other's traffic once in a pause between two discoveries. */
export const SPRAY_MEMORY = 15_000;
/** Peers sprayed at or sprayed for at once. */
export const MAX_SPRAYS = 2;
/** The lowest port that a NAT gives out, and the number of those from there on. */
export const SPRAY_FIRST_PORT = 1_024;
export const SPRAY_PORTS = 65_536 - SPRAY_FIRST_PORT;

/** A STUN server is asked again after this long, after twice as long and so on, and given up after so many tries (2.8 s). */
export const STUN_PATIENCE = 400;
export const STUN_TRIES = 3;
export const MAX_STUN_SERVERS = 8;
/** Traffic or an invitation makes this host keep asking for so long … */
export const STUN_WANTED_TIME = 60_000;
/** … and so often. Mappings of 30 s are the shortest that are common. */
export const STUN_REFRESH = 20_000;
export const STUN_REFRESH_JITTER = 5_000;
