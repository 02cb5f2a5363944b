-- Takes the minutes a call has talked from its caller's licences, once, before its lease is released.
-- KEYS  1 call  2 talk
-- ARGV  1 lease; then per licence, the one that ends first before the others: licence, minutes of it
-- Reply how many minutes
-- Talk is a hash: of each licence the minutes used, and "c:" and the lease of each call that runs.
if redis.call('HDEL', KEYS[2], 'c:' .. ARGV[1]) == 0 then return 0 end
local state = redis.call('GET', KEYS[1])
if not state or #state < 15 or string.byte(state) == 101 then return 0 end
local t = redis.call('TIME')
local talked = math.max(1, math.ceil((t[1] * 1000 + math.floor(t[2] / 1000) - tonumber(string.sub(state, 2, 14))) / 60000))
local rest = talked
for a = 2, #ARGV, 2 do
  local take = math.max(0, math.min(ARGV[a + 1] - (redis.call('HGET', KEYS[2], ARGV[a]) or 0), rest))
  -- What no licence has is the last one's.
  if a + 2 > #ARGV then take = rest end
  if take > 0 then redis.call('HINCRBY', KEYS[2], ARGV[a], string.format('%d', take)) end
  rest = rest - take
end
return talked
