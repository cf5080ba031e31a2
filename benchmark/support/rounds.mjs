/** Rounds of each package in turn, on a server without data: a map of what `oneRound` gave for each. */
export async function measureRounds({ packages, rounds, port, redis }, oneRound) {
  const results = new Map(packages.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of packages) {
      await redis.flushall();
      results.get(name).push(await oneRound(name, { port, redis }));
    }
  }
  return results;
}
