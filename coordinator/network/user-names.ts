/** What a person is called when signing in and in the policy: `alice` or `alice@example.com`, in lower case. */
const USER_NAME = /^[a-z0-9][a-z0-9._+-]{0,63}(@[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?)?$/;

/** The form in which a user's name is kept and compared, or null for what is no name. */
export function canonicalUserName(text: string): string | null {
  const name = text.trim().toLowerCase();
  return USER_NAME.test(name) ? name : null;
}
