/** The form in which a tag is kept: `server` for `server` and `tag:server`; null for what is no tag. */
export function canonicalTag(text: string): string | null {
  const name = text.startsWith('tag:') ? text.slice(4) : text;
  return /^[a-z][a-z0-9-]{0,62}$/.test(name) ? name : null;
}
