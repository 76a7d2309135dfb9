import { leave } from './leave.js';

/** To the sign-in page, which comes back to this very page. */
export function signInAgain() {
  const here = location.pathname + location.search + location.hash;
  leave(`/sign-in?return=${encodeURIComponent(here)}`);
}
