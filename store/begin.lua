-- Lets one of several requests with the same key begin.
-- KEYS 1 idempotency  2 those of the same owner, where they are counted
-- ARGV 1 fingerprint  2 ms a running request may take  3 ms an answer is kept
--      4 how many the owner may have
-- Reply {0} begin, {1} running, {2} another fingerprint, {3, answer} done,
-- {4} too many
local h = redis.call('HMGET', KEYS[1], 'fp', 'st', 'answer')
if not h[1] then
  if KEYS[2] then
    local t = redis.call('TIME')
    local now = t[1] * 1000 + math.floor(t[2] / 1000)
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
    if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then return {4} end
    redis.call('ZADD', KEYS[2], now + ARGV[2], KEYS[1])
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
  end
  redis.call('HSET', KEYS[1], 'fp', ARGV[1], 'st', 'running')
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {0}
end
if h[1] ~= ARGV[1] then return {2} end
if h[2] ~= 'done' then return {1} end
return {3, h[3]}
