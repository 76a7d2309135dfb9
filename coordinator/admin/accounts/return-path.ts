/** The place of ours that a sign-in leads back to; `/` for whatever leads elsewhere. */
export function returnPath(text: string | undefined): string {
  if (text === undefined || !/^\/[^/\\]/.test(text) || /[\p{Cc}\\]/u.test(text)) return '/';
  const url = URL.parse(text, 'http://here.invalid');
  // Without its dots `/.//host` begins with two slashes, and so names another host (RFC 3986, 4.2 and 5.2.4).
  if (
    url === null ||
    url.host !== 'here.invalid' ||
    /^\/(\/|(sign-in|welcome|first-run)\b)/.test(url.pathname)
  ) {
    return '/';
  }
  return `${url.pathname}${url.search}${url.hash}`;
}
