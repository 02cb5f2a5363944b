-- Marks a lease as answered and moves its deadline.
-- KEYS  1 tomb  2 call; then every lease set that holds it
-- ARGV  1 lease  2 loc, which names those sets  3 ms until the deadline  4 ms the call hash outlives it
-- Reply 1 done, 2 ended, 3 lost; or the loc to ask again with
if redis.call('EXISTS', KEYS[1]) == 1 then return 2 end
local h = redis.call('HMGET', KEYS[2], 'loc', 'st')
if h[1] and h[1] ~= ARGV[2] then return h[1] end
local whole = h[1]
for i = 3, #KEYS do
  if not redis.call('ZSCORE', KEYS[i], ARGV[1]) then whole = false end
end
if not whole then
  -- A call is in all of its sets or in none.
  for i = 3, #KEYS do redis.call('ZREM', KEYS[i], ARGV[1]) end
  redis.call('DEL', KEYS[2])
  return 3
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 3, #KEYS do redis.call('ZADD', KEYS[i], now + ARGV[3], ARGV[1]) end
if h[2] ~= 'c' then redis.call('HSET', KEYS[2], 'st', 'c', 'at', now) end
redis.call('PEXPIRE', KEYS[2], ARGV[3] + ARGV[4])
return 1
