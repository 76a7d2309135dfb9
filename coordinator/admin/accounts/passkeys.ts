import { isIP } from 'node:net';
import type { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';
import type { Clock } from '../../../shared/clock.ts';
import { WarrenError } from '../../../shared/errors.ts';
import type { AccountDecision, PasskeyRecord, UserRecord } from '../../store/accounts/accounts.ts';
import type { Store } from '../../store/store.ts';
import type { Tickets } from './tickets.ts';

/** What a browser is asked; `ticket` comes back with its answer. */
export interface Asked<T> {
  options: T;
  ticket: string;
}

type Registration = Parameters<typeof verifyRegistrationResponse>[0]['response'];
type Authentication = Parameters<typeof verifyAuthenticationResponse>[0]['response'];

interface Challenge {
  challenge: string;
  origin: string;
}

/** Loaded with the first passkey: it takes as long to load as a quarter of all else that `serve` loads. */
const webAuthn = () => import('@simplewebauthn/server');

/**
 * Passkeys (WebAuthn): kept by the authenticator under the host name of this page, used with a finger or a PIN, so that one
 * alone is enough to sign in. What browsers send is checked by @simplewebauthn/server.
 */
export class Passkeys {
  readonly #store: Store;
  readonly #tickets: Tickets;
  readonly #clock: Clock;

  constructor(store: Store, tickets: Tickets, clock: Clock) {
    this.#store = store;
    this.#tickets = tickets;
    this.#clock = clock;
  }

  /** `origin`: of the page, as its browser sees it. Throws `unsupported` where passkeys cannot be. */
  async beginRegistration(user: UserRecord, origin: string) {
    const rpID = relyingParty(origin);
    const known = await this.#store.accounts.listPasskeys(user.id);
    const { generateRegistrationOptions } = await webAuthn();
    const options = await generateRegistrationOptions({
      rpName: 'Warren',
      rpID,
      userName: user.name,
      userDisplayName: user.displayName,
      userID: new TextEncoder().encode(user.id),
      attestationType: 'none',
      excludeCredentials: known.map(({ id, transports }) => ({ id, transports: [...transports] })),
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    });
    const ticket = await this.#tickets.issue('new-passkey', user.id, {
      challenge: options.challenge,
      origin,
    } satisfies Challenge);
    return { options, ticket } satisfies Asked<unknown>;
  }

  /** Throws `unauthenticated` for what is no answer to what was asked. */
  async finishRegistration(
    user: UserRecord,
    answer: { ticket: string; name: string; response: unknown },
    by: AccountDecision,
  ): Promise<PasskeyRecord> {
    const asked = await this.#tickets.take('new-passkey', answer.ticket);
    if (asked === null || asked.userId !== user.id) throw tooLate();
    const { challenge, origin } = JSON.parse(asked.data) as Challenge;
    const relyingPartyId = relyingParty(origin);
    const { verifyRegistrationResponse } = await webAuthn();
    const result = await verifyRegistrationResponse({
      response: answer.response as Registration,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: relyingPartyId,
      requireUserVerification: true,
    }).catch(notConfirmed);
    if (!result.verified) return notConfirmed();
    const { credential } = result.registrationInfo;
    return this.#store.accounts.addPasskey(
      {
        id: credential.id,
        userId: user.id,
        publicKey: credential.publicKey,
        counter: credential.counter,
        transports: credential.transports ?? [],
        name: answer.name,
        relyingParty: relyingPartyId,
      },
      by,
    );
  }

  /** For whoever is about to sign in: the browser offers the passkeys that it has for this host. */
  async beginSignIn(origin: string) {
    const { generateAuthenticationOptions } = await webAuthn();
    const options = await generateAuthenticationOptions({
      rpID: relyingParty(origin),
      userVerification: 'required',
    });
    const ticket = await this.#tickets.issue('passkey', null, {
      challenge: options.challenge,
      origin,
    } satisfies Challenge);
    return { options, ticket } satisfies Asked<unknown>;
  }

  /** Whether an account has one for the page's host name. */
  async isUsable(user: UserRecord, origin: string): Promise<boolean> {
    const { hostname } = new URL(origin);
    return (await this.#store.accounts.listPasskeys(user.id)).some(({ relyingParty: of }) => of === hostname);
  }

  /** For whoever is signed in and has to confirm it: the browser offers the passkeys of that account. */
  async beginConfirmation(user: UserRecord, origin: string) {
    const known = await this.#store.accounts.listPasskeys(user.id);
    const { generateAuthenticationOptions } = await webAuthn();
    const options = await generateAuthenticationOptions({
      rpID: relyingParty(origin),
      userVerification: 'required',
      allowCredentials: known.map(({ id, transports }) => ({ id, transports: [...transports] })),
    });
    const ticket = await this.#tickets.issue('passkey', user.id, {
      challenge: options.challenge,
      origin,
    } satisfies Challenge);
    return { options, ticket } satisfies Asked<unknown>;
  }

  /** Throws `unauthenticated` for what is no answer to what this account was asked. */
  async finishConfirmation(user: UserRecord, answer: { ticket: string; response: unknown }): Promise<void> {
    await this.#finish(answer, user.id);
  }

  /** Whose passkey it is. Throws `unauthenticated` for what is no answer to what was asked, or of a passkey that is not known. */
  async finishSignIn(answer: { ticket: string; response: unknown }): Promise<UserRecord> {
    return this.#finish(answer, null);
  }

  /** `askedUser`: whom the question was put to; null for whoever signs in. */
  async #finish(
    answer: { ticket: string; response: unknown },
    askedUser: string | null,
  ): Promise<UserRecord> {
    const asked = await this.#tickets.take('passkey', answer.ticket);
    if (asked === null || asked.userId !== askedUser) throw tooLate();
    const { challenge, origin } = JSON.parse(asked.data) as Challenge;
    const response = answer.response as Authentication;
    const passkey = typeof response?.id === 'string' ? await this.#store.accounts.passkey(response.id) : null;
    if (passkey === null || (askedUser !== null && passkey.userId !== askedUser)) return notConfirmed();
    const { verifyAuthenticationResponse } = await webAuthn();
    const result = await verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: relyingParty(origin),
      requireUserVerification: true,
      credential: {
        id: passkey.id,
        publicKey: new Uint8Array(passkey.publicKey),
        counter: passkey.counter,
      },
    }).catch(notConfirmed);
    const user = await this.#store.accounts.user(passkey.userId);
    if (!result.verified || user === null) return notConfirmed();
    await this.#store.accounts.usePasskey(
      passkey.id,
      result.authenticationInfo.newCounter,
      this.#clock.wall(),
    );
    return user;
  }
}

/** The host name that passkeys are bound to. A browser takes no address for it, and only TLS or localhost. */
function relyingParty(origin: string): string {
  const { hostname } = new URL(origin);
  if (isIP(hostname.replace(/^\[|\]$/g, '')) === 0) return hostname;
  throw new WarrenError('unsupported', 'passkeys need a host name, and this page was opened by an address', {
    hint: 'open it as localhost, or by a name over HTTPS',
  });
}

function notConfirmed(): never {
  throw new WarrenError('unauthenticated', 'the passkey was not accepted', {
    hint: 'it may have been removed here, or be for another host name',
  });
}

function tooLate(): WarrenError {
  return new WarrenError('unauthenticated', 'that took too long', { hint: 'try again' });
}
