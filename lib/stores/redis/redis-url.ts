/** Options of ioredis that are not strings and that hardened-options.ts keeps. */
const BOOLEANS = [
  'enableReadyCheck',
  'disableClientInfo',
  'enableTLSForSentinelMode',
  'updateSentinels',
  'noDelay',
];
const NUMBERS = [
  'connectTimeout',
  'keepAlive',
  'disconnectTimeout',
  'maxLoadingRetryTime',
  'sentinelCommandTimeout',
  'protocol',
];

/** Says what is wrong with a Redis URL; undefined if nothing is. Repeats no part that might be the password. */
export function problemOfRedisUrl(text: string): string | undefined {
  return problemOfAddress(text) ?? problemOfQuery(queryOf(text));
}

/**
 * The options after the `?` of a URL, with their types. ioredis reads them as strings: `enableReadyCheck=false` would
 * mean true.
 */
export function typedOptionsOf(text: string): Record<string, boolean | number> {
  const query = queryOf(text);
  const given = (option: string): boolean => query.has(option);
  return Object.fromEntries([
    ...BOOLEANS.filter(given).map((option) => [option, query.get(option) === 'true'] as const),
    ...NUMBERS.filter(given).map((option) => [option, Number(query.get(option))] as const),
  ]);
}

function problemOfAddress(text: string): string | undefined {
  // A path of a Unix socket.
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

function problemOfQuery(query: URLSearchParams): string | undefined {
  const isWrong = (option: string, right: RegExp): boolean => !right.test(query.get(option) ?? '');
  const given = (option: string): boolean => query.has(option);
  const noBoolean = BOOLEANS.filter(given).find((option) => isWrong(option, /^(true|false)$/));
  if (noBoolean) return `its option ${noBoolean} is neither true nor false`;
  const noNumber = NUMBERS.filter(given).find((option) => isWrong(option, /^\d+$/));
  if (noNumber) return `its option ${noNumber} is not a number`;
  // ioredis reads any text as true.
  if (query.get('tls') === 'false') return 'its option tls is false: leave it out, redis:// is without TLS';
  return undefined;
}

function queryOf(text: string): URLSearchParams {
  const [, query = ''] = /\?([^#]*)/.exec(text) ?? [];
  return new URLSearchParams(query);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
