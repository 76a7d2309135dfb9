import * as client from 'openid-client';
import { WarrenError } from '../../../shared/errors.ts';
import type { AdmittedIdentity, Identity } from '../../store/accounts/accounts.ts';
import { admission } from './admission.ts';
import type { ProviderConfig } from './config.ts';

/** Seconds. */
const TIMEOUT = 10;

/** Seconds ago, at most, that a provider has to have asked somebody who is to sign in anew. */
const ANEW = 600;

/** What has to be kept between the way to the provider and the way back. */
export interface Started {
  verifier: string;
  state: string;
  nonce: string;
  /** Whether the provider was to ask who it is, even whom it knows; its word on when it did is then checked. */
  isAnew: boolean;
}

/** An OpenID Connect provider: authorisation code flow with PKCE, state and nonce. What it says is checked by openid-client. */
export class OidcProvider {
  readonly config: ProviderConfig;
  #discovered: Promise<client.Configuration> | null = null;

  constructor(config: ProviderConfig) {
    this.config = config;
  }

  /** Where to send the browser. Throws `unavailable` when the provider does not answer. */
  async begin(redirectUri: string, isAnew: boolean): Promise<{ url: URL; started: Started }> {
    const configuration = await this.#discover();
    const started = {
      verifier: client.randomPKCECodeVerifier(),
      state: client.randomState(),
      nonce: client.randomNonce(),
      isAnew,
    };
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: this.config.scopes.join(' '),
      code_challenge: await client.calculatePKCECodeChallenge(started.verifier),
      code_challenge_method: 'S256',
      state: started.state,
      nonce: started.nonce,
      // OpenID Connect Core 1.0, 3.1.2.1.
      ...(isAnew ? { prompt: 'login', max_age: String(ANEW) } : {}),
    });
    return { url, started };
  }

  /**
   * Who came back, and what the rules make of them. Throws `unauthenticated` for what is not an answer to what was begun,
   * `unavailable` when the provider does not answer.
   */
  async finish(
    cameBackBy: URL,
    started: Started,
  ): Promise<{ identity: Identity; admitted: AdmittedIdentity | null }> {
    const configuration = await this.#discover();
    try {
      const tokens = await client.authorizationCodeGrant(configuration, cameBackBy, {
        pkceCodeVerifier: started.verifier,
        expectedState: started.state,
        expectedNonce: started.nonce,
        ...(started.isAnew ? { maxAge: ANEW } : {}),
        idTokenExpected: true,
      });
      const claims = tokens.claims() as client.IDToken;
      // Many providers tell groups and e-mail address there only.
      const more =
        configuration.serverMetadata().userinfo_endpoint === undefined
          ? {}
          : await client.fetchUserInfo(configuration, tokens.access_token, claims.sub);
      const identity = { issuer: claims.iss, subject: claims.sub };
      return { identity, admitted: admission({ ...more, ...claims }, this.config) };
    } catch (error) {
      if (isNetworkFailure(error)) throw this.#away(error);
      throw new WarrenError('unauthenticated', `${this.config.label} did not confirm who you are`, {
        hint: 'try again from the sign-in page',
        cause: error,
      });
    }
  }

  /** At the first use, and again after a failure. */
  async #discover(): Promise<client.Configuration> {
    this.#discovered ??= client.discovery(
      new URL(this.config.issuer),
      this.config.clientId,
      undefined,
      this.config.clientSecret === undefined
        ? client.None()
        : client.ClientSecretBasic(this.config.clientSecret),
      {
        timeout: TIMEOUT,
        // config.ts has seen that only a provider on this machine is asked by http.
        ...(this.config.issuer.startsWith('http:') ? { execute: [client.allowInsecureRequests] } : {}),
      },
    );
    try {
      return await this.#discovered;
    } catch (error) {
      this.#discovered = null;
      throw this.#away(error);
    }
  }

  #away(cause: unknown): WarrenError {
    return new WarrenError('unavailable', `${this.config.label} cannot be reached for signing in`, {
      hint: 'try again soon, or sign in with a passphrase or a passkey',
      cause,
    });
  }
}

function isNetworkFailure(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: string };
  return name === 'TypeError' || name === 'TimeoutError' || code === 'OAUTH_TIMEOUT';
}
