-- Pauses a job, or resumes it.
-- KEYS[1]  the record of the job
-- ARGV[1]  '<end of the pause, ms; 0 if it has none> <the pause>', or '' to resume     ARGV[2]  how long the record is kept, ms
-- include clock.lua
-- include job-record.lua
local record = read_record(KEYS[1])
record.pause, record.pause_ends = ARGV[1], tonumber(string.match(ARGV[1], '^%d+'))
-- What is marked of a gap or a key may decide for longer than the rest is kept.
local decides = record.time and tonumber(record.state)
local left = decides and math.ceil(record.time + decides - now() / 1000) or 0
write_record(record, math.max(tonumber(ARGV[2]), left))
