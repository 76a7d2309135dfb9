import { confirmIdentity } from './confirmation.js';
import { ApiError, request } from './request.js';

export { ApiError };

const CONFIRMATION_REQUIRED = 'urn:warren:problem:confirmation-required';

/**
 * Asks the HTTP API: `api('PATCH', '/machines/ID', { name })`. `ifMatch`: an entity tag; the change is refused if somebody
 * else was faster. Gives `{ data, etag }`; throws ApiError. An ended session leads to the sign-in page and back; where a person
 * has to prove once more who they are, a dialog asks, and the request is sent again.
 */
export async function api(method, path, body, options) {
  try {
    return await request(method, path, body, options);
  } catch (error) {
    if (!(error instanceof ApiError) || error.problem.type !== CONFIRMATION_REQUIRED) throw error;
  }
  if (await confirmIdentity()) return api(method, path, body, options);
  throw new ApiError(403, { detail: 'Nothing was done: it was not confirmed who you are.' });
}
