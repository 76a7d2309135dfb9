import { signInAgain } from './sign-in-again.js';

/** An answer that says no. `problem` is its application/problem+json (RFC 9457); `errors` are those of single fields. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The coordinator answered with status ${status}.`);
    this.status = status;
    this.problem = problem;
    this.errors = Array.isArray(problem.errors) ? problem.errors : [];
  }
}

/**
 * One request to the HTTP API, with the page's own errors: see `api` of api.js, which most of it goes through. An ended session
 * leads to the sign-in page and back.
 */
export async function request(method, path, body, { ifMatch } = {}) {
  const headers = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (ifMatch) headers['If-Match'] = ifMatch;
  // With this key a repetition takes effect once, should only the answer have been lost.
  if (method === 'POST') headers['Idempotency-Key'] = randomKey();
  const sent = {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    redirect: 'manual',
  };
  const send = () => fetch(`/api/v1${path}`, sent);
  const answer = await send()
    .catch(send)
    .catch(() => {
      throw new ApiError(0, { detail: 'The coordinator does not answer; try again soon.' });
    });
  if (answer.status === 401 || answer.type === 'opaqueredirect') {
    signInAgain();
    return new Promise(() => {}); // this page is about to go
  }
  const isJson = /[/+]json/.test(answer.headers.get('Content-Type') ?? '');
  const data = isJson ? await answer.json() : null;
  if (!answer.ok) throw new ApiError(answer.status, data ?? { detail: await explain(answer) });
  return { data, etag: answer.headers.get('ETag') };
}

async function explain(answer) {
  return (await answer.text()).trim().slice(0, 300);
}

/** Not randomUUID, which pages without TLS do not have. */
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
