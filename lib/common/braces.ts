/**
 * A name as a part of a Redis key: without braces, by which a Redis Cluster tells the slot of a key. As in a URL, `{` is
 * `%7B`, `}` is `%7D`, and a `%` that would be read as the beginning of one of these three is `%25`; all else stays as it
 * is. Two names are never the same key.
 */
export function escapeBraces(name: string): string {
  // Most have neither.
  if (!/[{}%]/.test(name)) return name;
  return name
    .replace(/%(?=25|7B|7D)/g, '%25')
    .replaceAll('{', '%7B')
    .replaceAll('}', '%7D');
}

export function unescapeBraces(escaped: string): string {
  return escaped.replace(/%(25|7B|7D)/g, (code) => decodeURIComponent(code));
}
