#!/usr/bin/env bash
# Subject: ioredis 5.11.1 and 6.0.0 with sentinels, and a redis-server with sentinel (seen with 7.0.15)
#
# Expected: after a lost connection, the client asks the sentinel, which is reachable all the time, and connects again.
# Seen: with `sentinelRetryStrategy: () => null` ("do not go through the list again") and one sentinel, the first reconnect
# fails with "All sentinels are unreachable and retry is disabled.", although the client has asked none of them. The client
# then ends. ioredis continues in the list of sentinels where the last connection left off, so the same happens with several
# sentinels after the last one.
set -euo pipefail
folder=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$folder"' EXIT
cd "$folder"
free_port() { node -e 's=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }
redis=$(free_port)
sentinel=$(free_port)
redis-server --port "$redis" --bind 127.0.0.1 --save '' --dir "$folder" >/dev/null &
pids+=($!)
printf '%s\n' "port $sentinel" 'bind 127.0.0.1' "dir $folder" "sentinel monitor main 127.0.0.1 $redis 1" >sentinel.conf
redis-server sentinel.conf --sentinel >/dev/null &
pids+=($!)
until redis-cli -p "$redis" ping >/dev/null 2>&1 && redis-cli -p "$sentinel" ping >/dev/null 2>&1; do sleep 0.1; done
npm init -y >/dev/null
npm install --silent --no-audit --no-fund five@npm:ioredis@5.11.1 six@npm:ioredis@6.0.0 >/dev/null
cat >try.cjs <<'JS'
const [name, port] = process.argv.slice(2);
const { Redis } = require(name);
const redis = new Redis({
  sentinels: [{ host: '127.0.0.1', port: Number(port) }],
  name: 'main',
  sentinelRetryStrategy: () => null,
  retryStrategy: () => 50,
});
let connections = 0;
redis.on('ready', () => {
  if (++connections === 1) return void redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => {});
  console.log('connected again');
  redis.disconnect();
});
redis.on('error', ({ message }) => message.startsWith('All') && console.log(message));
redis.on('end', () => process.exit());
JS
status=0
for version in five six; do
  seen=$(node try.cjs "$version" "$sentinel")
  echo "$version: $seen"
  [ "$seen" = 'All sentinels are unreachable and retry is disabled.' ] || status=1
done
[ "$status" = 0 ] && echo 'as described' || { echo changed; exit 1; }
