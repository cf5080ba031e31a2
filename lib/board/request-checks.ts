import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** The part of a request of Express or Fastify that the checks read. */
export interface BoardRequest {
  readonly headers: IncomingHttpHeaders;
}

const COOKIE = 'exclusive-lock-board';
const HEADER = 'x-exclusive-lock-token';
const TOKEN = /^[\w-]{22}$/;

/**
 * Whether the request was made by a page of this very site, by what the browser says of it. A client that sends neither
 * header is no browser, so no other site can make it send a request. It needs the token all the same.
 */
export function isSameOrigin({ headers }: BoardRequest): boolean {
  const site = headers['sec-fetch-site'];
  // Where a proxy changes the host, this header is the only one that is right; browsers send it over HTTPS and to localhost.
  if (site !== undefined) return site === 'same-origin';
  const { origin, host } = headers;
  return origin === undefined || hostOf(origin) === host;
}

/**
 * The token of this browser, in the cookie that it has sent; a new one if it has none. All replicas take the same token:
 * a site that is not this one can send the cookie, but can neither read it nor set the header.
 */
export function tokenFor(request: BoardRequest): { readonly token: string; readonly cookie?: string } {
  const known = cookieOf(request);
  if (known) return { token: known };
  const token = randomBytes(16).toString('base64url');
  return { token, cookie: `${COOKIE}=${token}; Path=/; HttpOnly; SameSite=Strict` };
}

/** Whether the header of the request has the token of its cookie. */
export function hasToken(request: BoardRequest): boolean {
  const expected = cookieOf(request);
  const given = request.headers[HEADER];
  if (expected === undefined || typeof given !== 'string' || !TOKEN.test(given)) return false;
  return timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}

function cookieOf({ headers }: BoardRequest): string | undefined {
  const cookies = headers.cookie?.split(';').map((cookie) => cookie.trim().split('=')) ?? [];
  const token = cookies.find(([name]) => name === COOKIE)?.[1];
  return token !== undefined && TOKEN.test(token) ? token : undefined;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
