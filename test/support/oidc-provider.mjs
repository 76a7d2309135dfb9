/**
 * An OpenID Connect provider as a process of its own; its arguments are a port and the redirect URI of its one client. Whoever signs in there is
 * whoever they say: the address is NAME@example.com and verified, and the names before a hyphen are groups (`netops-grace`).
 */
import Provider from 'oidc-provider';

const [port, redirectUri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'warren',
      client_secret: 'a secret of this test',
      redirect_uris: [redirectUri],
    },
  ],
  claims: { openid: ['sub', 'groups'], email: ['email', 'email_verified'], profile: ['name'] },
  cookies: { keys: ['of this test'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: id,
      email: `${id.split('-').at(-1)}@example.com`,
      email_verified: true,
      groups: id.split('-').slice(0, -1),
    }),
  }),
});
provider.listen(Number(port), '127.0.0.1', () => process.stdout.write(`provider ready at ${issuer}\n`));
