-- Takes a line of the caller and a line of the callee, both or none.
-- KEYS: the caller's outbound calls, the callee's inbound calls, the call
-- ARGV: the call, the caller's limit, the callee's limit, time to live in ms
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if redis.call('EXISTS', KEYS[3]) == 1 then
  return 'DUP'
end
for i = 1, 2 do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  if redis.call('ZCARD', KEYS[i]) >= tonumber(ARGV[i + 1]) then
    return 'BUSY' .. i
  end
end
redis.call('ZADD', KEYS[1], now + ARGV[4], ARGV[1])
redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[1])
redis.call('HSET', KEYS[3], 'out', KEYS[1], 'in', KEYS[2], 'since', now)
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return 'OK'
