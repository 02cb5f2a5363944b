-- Marks a call as answered: from now on its lines may be held as long as a call lasts.
-- KEYS: the caller's outbound calls, the callee's inbound calls, the call
-- ARGV: the call, time to live in ms
if redis.call('EXISTS', KEYS[3]) == 0 then
  return 0
end
local t = redis.call('TIME')
local deadline = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[2]
redis.call('ZADD', KEYS[1], 'XX', deadline, ARGV[1])
redis.call('ZADD', KEYS[2], 'XX', deadline, ARGV[1])
redis.call('HSET', KEYS[3], 'answered', 1)
redis.call('PEXPIRE', KEYS[3], ARGV[2])
return 1
