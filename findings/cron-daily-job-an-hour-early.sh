#!/usr/bin/env bash
# Subject: cron 4.1.1 and 4.4.0 (which @nestjs/schedule 6.1 and 12 bring), CronTime.getNextDateFrom()
#
# Expected: on the day the clocks go back, "0 3 * * *" is due once, at three o'clock. 4.1.0 behaves that way.
# Seen: it is due twice, first at 02:00 of the repeated hour, which the expression does not name. The same happens to every
# daily job of the hour after the repeated one: "30 2 * * *" in New York, "0 0 * * *" in Santiago. CronJob fires both times.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
early='2026-10-25T02:00:00.000+01:00 2026-10-25T03:00:00.000+01:00'
right='2026-10-25T03:00:00.000+01:00 2026-10-26T03:00:00.000+01:00'
status=0
for version in 4.1.0 4.1.1 4.4.0; do
  mkdir "$folder/$version"
  cd "$folder/$version"
  npm init -y >/dev/null
  npm install --silent --no-audit --no-fund "cron@$version" luxon@3.5.0 >/dev/null
  cat >try.cjs <<'JS'
const { CronTime } = require('cron');
const zone = 'Europe/Berlin';
const time = new CronTime('0 3 * * *', zone);
const first = time.getNextDateFrom(new Date('2026-10-24T12:00:00Z'), zone);
const second = time.getNextDateFrom(first, zone);
console.log(first.toISO(), second.toISO());
JS
  seen=$(node try.cjs)
  echo "$version: $seen"
  case "$version" in 4.1.0) expected=$right ;; *) expected=$early ;; esac
  [ "$seen" = "$expected" ] || { status=1; echo "expected $expected"; }
done
[ "$status" = 0 ] && echo 'as described' || { echo changed; exit 1; }
