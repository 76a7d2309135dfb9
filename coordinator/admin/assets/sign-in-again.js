/** To the sign-in page, which comes back to this very page. */
export function signInAgain() {
  const here = location.pathname + location.search + location.hash;
  location.assign(`/sign-in?return=${encodeURIComponent(here)}`);
}
