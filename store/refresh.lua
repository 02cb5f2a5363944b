-- Pushes out the deadlines of leases their owner still holds.
-- KEYS  1 own; then per lease: call, every lease set that holds it
-- ARGV  1 ms to keep own  2 ms a call outlives its deadline
--       then per lease: lease, loc, ms until the deadline, how many sets, how many of these are meters' (the last):
--       what is lost there is still to be booked
-- Reply the leases that are not held any more, numbered from 1
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local lost = {}
local k, n = 2, 0
for a = 3, #ARGV, 5 do
  n = n + 1
  local lease, loc, sets = ARGV[a], ARGV[a + 1], tonumber(ARGV[a + 3])
  local last = 0
  local state = redis.call('GET', KEYS[k])
  local ended = not state or string.byte(state) == 116
  local mine = not ended and string.sub(state, 15, 14 + #loc) == loc
  local whole = mine
  for i = k + 1, k + sets do
    local score = redis.call('ZSCORE', KEYS[i], lease)
    if score then last = math.max(last, tonumber(score)) else whole = false end
  end
  if whole then
    -- Never bring a deadline nearer.
    local deadline = math.max(last, now + ARGV[a + 2])
    for i = k + 1, k + sets do redis.call('ZADD', KEYS[i], deadline, lease) end
    redis.call('PEXPIRE', KEYS[k], deadline - now + ARGV[2])
  else
    lost[#lost + 1] = n
    -- Unless somebody else holds it now, nothing of it may stay.
    if ended or mine then
      for i = k + 1, k + sets - ARGV[a + 4] do redis.call('ZREM', KEYS[i], lease) end
      if mine then redis.call('DEL', KEYS[k]) end
    end
    redis.call('SREM', KEYS[1], lease)
  end
  k = k + 1 + sets
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return lost
