#!/usr/bin/env bash
# Subject: ioredis 5.11.1 and 6.0.0, quit() of a client that is waiting to reconnect
#
# Expected: quit() ends the client. Its status becomes "end", and it emits the event end, as after disconnect(), and as after
# quit() in any other state.
# Seen: quit() resolves to "OK" at once and the client stops reconnecting. But the status stays "reconnecting", and end is
# never emitted. A shutdown that waits for end hangs. A check of the status shows a client that is about to return, but it
# does not reconnect when the server is back. A later disconnect() changes nothing.
# Needs redis-server on the PATH.
set -euo pipefail
folder=$(mktemp -d)
port=$(node -e "const s = require('node:net').createServer().listen(0, '127.0.0.1', () => { console.log(s.address().port); s.close(); })")
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund ioredis-5@npm:ioredis@5.11.1 ioredis-6@npm:ioredis@6.0.0 >/dev/null

cat >try.cjs <<'JS'
const [, , port, version] = process.argv;
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { connect } = require('node:net');
const { setTimeout: sleep } = require('node:timers/promises');
const { Redis } = require(version);
const answers = () =>
  new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => resolve(true) ?? socket.destroy());
    socket.on('error', () => resolve(false));
  });
(async () => {
  const redis = new Redis(Number(port), '127.0.0.1', { retryStrategy: () => 200 });
  redis.on('error', () => {});
  let ended = false;
  redis.on('end', () => (ended = true));
  await new Promise((resolve) => redis.once('reconnecting', resolve));
  const seen = [await redis.quit()];
  const server = spawn('redis-server', ['--port', port, '--bind', '127.0.0.1', '--save', ''], { stdio: 'ignore' });
  while (!(await answers())) await sleep(50);
  await sleep(3000); // fifteen times the delay between two attempts
  seen.push(redis.status, ended);
  redis.disconnect();
  await sleep(100);
  seen.push(redis.status, ended);
  server.kill();
  await once(server, 'exit');
  console.log(JSON.stringify(seen));
})();
JS

expected='["OK","reconnecting",false,"reconnecting",false]'
status=0
for version in ioredis-5 ioredis-6; do
  seen=$(node try.cjs "$port" "$version")
  echo "$version: quit(), status, ended; after disconnect(): status, ended: $seen"
  [ "$seen" = "$expected" ] || status=1
done
[ "$status" = 0 ] && echo 'as described' || { echo "changed: expected $expected"; exit 1; }
