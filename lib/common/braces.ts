/**
 * Makes a name a part of a Redis key. Escapes braces, since Redis Cluster finds the slot of a key by them. As in a URL,
 * `{` becomes `%7B` and `}` becomes `%7D`. A `%` becomes `%25` only if it would be read as the beginning of an escape.
 * Two names never become the same key.
 */
export function escapeBraces(name: string): string {
  // Most names contain none of these.
  if (!/[{}%]/.test(name)) return name;
  return name
    .replace(/%(?=25|7B|7D)/g, '%25')
    .replaceAll('{', '%7B')
    .replaceAll('}', '%7D');
}

export function unescapeBraces(escaped: string): string {
  return escaped.replace(/%(25|7B|7D)/g, (code) => decodeURIComponent(code));
}
