#!/usr/bin/env bash
# Subject: ioredis 5.11.1 and 6.0.0, defineCommand() within multi()
#
# Expected: a command made by defineCommand() works in multi() as it does alone and in pipeline(): if the server does not
# know the script, the client sends its text. In a transaction the client could do so before EXEC, by SCRIPT LOAD as in
# pipeline(), or after the transaction has answered NOSCRIPT.
# Seen: alone and in pipeline(), the command recovers from SCRIPT FLUSH. (A restart, a failover, or FLUSHALL of some proxies
# has the same effect.) In multi(), the client has marked the script as loaded and sends EVALSHA. EXEC then answers NOSCRIPT
# in the result list, while exec() itself resolves. Every later multi() answers the same until the command is sent alone or
# in pipeline().
# Needs redis-server on the PATH.
set -euo pipefail
folder=$(mktemp -d)
port=$(node -e "const s = require('node:net').createServer().listen(0, '127.0.0.1', () => { console.log(s.address().port); s.close(); })")
redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$folder" >"$folder/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund ioredis-5@npm:ioredis@5.11.1 ioredis-6@npm:ioredis@6.0.0 >/dev/null

cat >try.cjs <<'JS'
const [, , port, version] = process.argv;
const { Redis } = require(version);
(async () => {
  const redis = new Redis(Number(port), '127.0.0.1');
  redis.defineCommand('one', { numberOfKeys: 0, lua: 'return 1' });
  const transaction = async () => {
    const [[error, value]] = await redis.multi().one().exec();
    return error ? error.message.split(' ')[0] : value;
  };
  const seen = [await redis.one()];
  await redis.script('FLUSH');
  seen.push(await transaction(), await transaction());
  seen.push((await redis.pipeline().one().exec())[0][1], await transaction());
  await redis.script('FLUSH');
  seen.push(await redis.one(), await transaction());
  redis.disconnect();
  console.log(JSON.stringify(seen));
})();
JS

expected='[1,"NOSCRIPT","NOSCRIPT",1,1,1,1]'
status=0
for version in ioredis-5 ioredis-6; do
  for _ in $(seq 50); do redis-cli -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
  seen=$(node try.cjs "$port" "$version")
  echo "$version: alone, flushed: multi, multi, pipeline, multi, flushed: alone, multi: $seen"
  [ "$seen" = "$expected" ] || status=1
done
[ "$status" = 0 ] && echo 'as described' || { echo "changed: expected $expected"; exit 1; }
