-- Included by scripts that need the time.
local time

-- The server's clock, which stands still during a call: microseconds since the epoch, exact in a double until the year 2255.
local function now()
  if not time then
    local clock = redis.call('TIME')
    time = clock[1] * 1000000 + clock[2]
  end
  return time
end
