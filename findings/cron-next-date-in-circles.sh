#!/usr/bin/env bash
# Subject: cron 4.4.0, CronTime.getNextDateFrom()
#
# Expected: the date that it returns is later than the one it was given, whatever the date of the call.
# Seen: in summer, asked about the night the clocks go back, "*/20 * * * *" goes from 02:00 of the repeated hour back to 02:20
# of the first, and so never leaves that hour. The cause: luxon interprets an ambiguous time by today's offset. Code that
# walks through the dates, for example to list the next hundred, must stop when a date is not later than the one before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund cron@4.4.0 >/dev/null
cat >try.cjs <<'JS'
const { CronTime } = require('cron');
const zone = 'Europe/Berlin';
const walk = (today) => {
  Date.now = () => Date.parse(today);
  const time = new CronTime('*/20 * * * *', zone);
  const dates = [time.getNextDateFrom(new Date('2026-10-25T00:10:00Z'), zone)];
  while (dates.length < 4) dates.push(time.getNextDateFrom(dates.at(-1), zone));
  return dates.map((date) => date.toFormat('HH:mmZ')).join(' ');
};
console.log(`asked in July: ${walk('2026-07-01T12:00:00Z')}`);
console.log(`asked in December: ${walk('2026-12-01T12:00:00Z')}`);
JS
seen=$(node try.cjs)
echo "$seen"
expected='asked in July: 02:20+2 02:40+2 02:00+1 02:20+2'
[[ "$seen" == "$expected"* ]] && echo 'as described' || { echo "expected $expected"; echo changed; exit 1; }
