/** Whether a value can be read as an error. `instanceof` fails across realms: under jest, for Node's own errors. */
export function isErrorLike(value: unknown): value is Error {
  return (
    typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string'
  );
}
