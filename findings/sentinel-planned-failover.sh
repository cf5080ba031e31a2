#!/usr/bin/env bash
# Subject: SENTINEL FAILOVER of a healthy primary (redis-server, seen with 7.0.15) and ioredis 5.11.1
#
# Expected: when the sentinel names another primary, the old one refuses writes or closes the connections of its clients.
# Seen: the old primary accepts writes for about ten more seconds, and these writes are lost. ioredis also goes on writing to
# it, although it found that server through the sentinel, because nothing notifies it. With `failoverDetector: true`, which
# is not the default, ioredis leaves the old primary at once.
set -euo pipefail
folder=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$folder"' EXIT
cd "$folder"
free_port() { node -e 's=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }
first=$(free_port)
second=$(free_port)
sentinel=$(free_port)
redis-server --port "$first" --bind 127.0.0.1 --save '' --dir "$folder" --repl-diskless-sync-delay 0 >/dev/null &
pids+=($!)
redis-server --port "$second" --bind 127.0.0.1 --save '' --dir "$folder" --replicaof 127.0.0.1 "$first" >/dev/null &
pids+=($!)
until redis-cli -p "$second" info replication 2>/dev/null | grep -q master_link_status:up; do sleep 0.1; done
printf '%s\n' "port $sentinel" 'bind 127.0.0.1' "dir $folder" "sentinel monitor main 127.0.0.1 $first 1" >sentinel.conf
redis-server sentinel.conf --sentinel >/dev/null &
pids+=($!)
until redis-cli -p "$sentinel" sentinel replicas main 2>/dev/null | grep -A1 master-link-status | grep -q ok; do sleep 0.1; done
npm init -y >/dev/null
npm install --silent --no-audit --no-fund ioredis@5.11.1 >/dev/null
cat >try.cjs <<'JS'
const { Redis } = require('ioredis');
const [sentinel, second] = process.argv.slice(2).map(Number);
const found = { sentinels: [{ host: '127.0.0.1', port: sentinel }], name: 'main' };
const plain = new Redis(found);
const detecting = new Redis({ ...found, failoverDetector: true });
const asked = new Redis(sentinel, '127.0.0.1');
const isOver = async () =>
  (await asked.sentinel('get-master-addr-by-name', 'main'))[1] === String(second);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
(async () => {
  await Promise.all([plain.ping(), new Promise((resolve) => detecting.once('failoverSubscribed', resolve))]);
  await asked.sentinel('failover', 'main');
  while (!(await isOver())) await sleep(10);
  await sleep(3000);
  await Promise.all([plain.set('plain', 1), detecting.set('detecting', 1)]);
  const primary = new Redis(second, '127.0.0.1');
  console.log(`on the new primary: ${await primary.mget('plain', 'detecting')}`);
  process.exit();
})();
JS
seen=$(node try.cjs "$sentinel" "$second")
echo "$seen"
[ "$seen" = 'on the new primary: ,1' ] && echo 'as described' || { echo changed; exit 1; }
