/**
 * The replies of calls that were made together; undefined for calls that failed, which do not affect the others.
 *
 * @throws the first failure, if all have failed
 */
export function answered<T>(results: readonly PromiseSettledResult<T>[]): (T | undefined)[] {
  const failed = results.filter((result) => result.status === 'rejected');
  const [first] = failed;
  if (first && failed.length === results.length) throw first.reason;
  return results.map((result) => (result.status === 'fulfilled' ? result.value : undefined));
}
