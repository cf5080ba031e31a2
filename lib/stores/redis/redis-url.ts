/** What is wrong with a Redis URL; undefined if nothing is. Repeats no part of it: that might be the password. */
export function problemOfRedisUrl(text: string): string | undefined {
  // The path of a Unix socket.
  if (text.startsWith('/')) return undefined;
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return 'it does not begin with redis:// or rediss://';
  if (!URL.canParse(text)) return 'it cannot be parsed';
  const { protocol, pathname, search, hash, username, password } = new URL(text);
  if (protocol !== 'redis:' && protocol !== 'rediss:') return `its protocol is ${protocol}//`;
  if (`${pathname}${search}${hash}`.includes('@') || !isDecodable(username) || !isDecodable(password)) {
    return 'special characters in its user name or password must be percent-encoded';
  }
  if (!/^(\/\d*)?$/.test(pathname)) return `its database "${pathname.slice(1)}" is not a number`;
  return undefined;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
