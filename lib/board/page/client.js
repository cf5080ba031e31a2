/** An answer that takes longer is given up, in milliseconds. */
const ANSWER_WITHIN = 15_000;

/** The page may be anywhere: below a prefix, with or without a slash at its end. */
const API = `${location.pathname.replace(/\/+$/, '')}/api/`;

/** `kind` is `unreachable`, `store`, `forbidden` or `other`. */
export class BoardError extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/** @throws BoardError */
export function readBoard(path) {
  return request(path, {});
}

/** @throws BoardError */
export function act(action, body, token) {
  return request(action, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-exclusive-lock-token': token },
    body: JSON.stringify(body),
  });
}

async function request(path, init) {
  const response = await fetch(API + path, { ...init, signal: AbortSignal.timeout(ANSWER_WITHIN) }).catch(
    () => undefined,
  );
  if (!response) throw new BoardError('unreachable', 'The application does not answer.');
  const body = await response.json().catch(() => undefined);
  if (response.ok && body) return body;
  throw errorOf(response, body);
}

function errorOf({ status, ok }, body) {
  // A login page in place of an answer.
  if (ok)
    return new BoardError('forbidden', 'Your session seems to have ended. Reload the page to log in again.');
  const message = typeof body?.message === 'string' ? body.message : `The application answers ${status}.`;
  if (status === 503) return new BoardError('store', message);
  return new BoardError(status === 401 || status === 403 ? 'forbidden' : 'other', message);
}
