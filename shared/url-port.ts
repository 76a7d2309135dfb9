/** The port of a URL of a coordinator or relay, which `URL` itself says nothing of where it is that of https. */
export function portOfUrl(url: string): number {
  return Number(new URL(url).port || 443);
}
