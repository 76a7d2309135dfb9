import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { WarrenError } from '../../../shared/errors.ts';

const rule = z
  .strictObject({
    /** A group of the provider, as its claim names it. */
    group: z.string().min(1).optional(),
    /** Of a verified e-mail address. */
    domain: z.string().min(1).optional(),
    role: z.enum(['owner', 'admin', 'auditor']),
  })
  .refine(({ group, domain }) => group !== undefined || domain !== undefined, {
    message: 'a rule needs "group" or "domain"',
  });

const provider = z.strictObject({
  issuer: z.url(),
  clientId: z.string().min(1),
  /** Relative to the file itself. */
  clientSecretFile: z.string().optional(),
  /** On the button of the sign-in page. */
  label: z.string().min(1).max(64).optional(),
  scopes: z.array(z.string()).default(['openid', 'profile', 'email']),
  groupsClaim: z.string().default('groups'),
  admit: z.array(rule).min(1),
});

/** An OpenID Connect provider, as the file of `--oidc` describes it. */
export interface ProviderConfig {
  issuer: string;
  clientId: string;
  clientSecret: string | undefined;
  label: string;
  scopes: readonly string[];
  groupsClaim: string;
  /** Who is let in, and as what: whoever matches group and domain of a rule, of several with the highest role. */
  admit: readonly AdmissionRule[];
}

export type AdmissionRule = z.infer<typeof rule>;

/** Reads the file of `--oidc`: one provider or a list of them. Throws `usage` with the place of a mistake. */
export function readProviders(path: string): ProviderConfig[] {
  const read = (file: string) => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw new WarrenError('usage', `${file} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  };
  let json: unknown;
  try {
    json = JSON.parse(read(path));
  } catch (error) {
    if (error instanceof WarrenError) throw error;
    throw new WarrenError('usage', `${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const parsed = z
    .array(provider)
    .min(1)
    .safeParse(Array.isArray(json) ? json : [json]);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue?.path.slice(1).join('.') ?? '';
    throw new WarrenError('usage', `${path}: ${place === '' ? '' : `${place}: `}${issue?.message}`, {
      hint: 'docs/accounts.md shows an example',
    });
  }
  return parsed.data.map(({ clientSecretFile, label, ...rest }) => {
    const issuer = new URL(rest.issuer);
    const isLocal = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(issuer.hostname);
    if (issuer.protocol !== 'https:' && !isLocal) {
      throw new WarrenError('usage', `${path}: issuer: ${rest.issuer} is not https`, {
        hint: 'only a provider on this very machine may be asked by http',
      });
    }
    return {
      ...rest,
      label: label ?? issuer.host,
      clientSecret:
        clientSecretFile === undefined ? undefined : read(resolve(dirname(path), clientSecretFile)).trim(),
    };
  });
}
