import { hasToken, isSameOrigin, tokenFor } from '../../../lib/board/request-checks.js';

describe('a request', () => {
  it.each<[what: string, headers: Record<string, string>, is: boolean]>([
    ['that the browser says is of this site', { 'sec-fetch-site': 'same-origin' }, true],
    [
      'that it says is of this site, by another host',
      { 'sec-fetch-site': 'same-origin', origin: 'https://a', host: 'b' },
      true,
    ],
    ['of another site', { 'sec-fetch-site': 'cross-site' }, false],
    ['of a sibling domain', { 'sec-fetch-site': 'same-site' }, false],
    ['of a bookmark', { 'sec-fetch-site': 'none' }, false],
    ['with the origin of this host', { origin: 'http://localhost:3000', host: 'localhost:3000' }, true],
    ['with the origin of another port', { origin: 'http://localhost:3001', host: 'localhost:3000' }, false],
    ['of a sandbox', { origin: 'null', host: 'localhost:3000' }, false],
    ['of no browser', { host: 'localhost:3000' }, true],
  ])('%s: %s', (_, headers, is) => {
    expect(isSameOrigin({ headers })).toBe(is);
  });
});

const asked = (headers: object): boolean => hasToken({ headers: headers as Record<string, string> });

describe('the token', () => {
  it('is new for a browser without one, in a cookie that other sites cannot have sent', () => {
    const { token, cookie } = tokenFor({ headers: {} });
    expect(token).toMatch(/^[\w-]{22}$/);
    expect(tokenFor({ headers: {} }).token).not.toBe(token);
    expect(cookie).toBe(`exclusive-lock-board=${token}; Path=/; HttpOnly; SameSite=Strict`);
  });

  it('is the one that the browser has, whatever other cookies it has', () => {
    const { token } = tokenFor({ headers: {} });
    const headers = { cookie: `session=a=b; exclusive-lock-board=${token}; theme=dark` };
    expect(tokenFor({ headers })).toEqual({ token });
  });

  it('must be in the cookie and in the header', () => {
    const { token } = tokenFor({ headers: {} });
    const { token: another } = tokenFor({ headers: {} });
    const cookie = `exclusive-lock-board=${token}`;
    expect(asked({ cookie, 'x-exclusive-lock-token': token })).toBe(true);
    expect(asked({ cookie, 'x-exclusive-lock-token': another })).toBe(false);
    expect(asked({ cookie, 'x-exclusive-lock-token': '' })).toBe(false);
    expect(asked({ cookie })).toBe(false);
    expect(asked({ 'x-exclusive-lock-token': token })).toBe(false);
    expect(asked({ cookie: 'exclusive-lock-board=', 'x-exclusive-lock-token': '' })).toBe(false);
    expect(asked({ cookie: 'exclusive-lock-board=x', 'x-exclusive-lock-token': 'x' })).toBe(false);
  });
});
