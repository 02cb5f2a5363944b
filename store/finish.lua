-- Keeps the answer to a request that began.
-- KEYS 1 idempotency  2 those of the same owner, where they are counted
-- ARGV 1 answer  2 ms it is kept
redis.call('HSET', KEYS[1], 'st', 'done', 'answer', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if KEYS[2] then
  local t = redis.call('TIME')
  redis.call('ZADD', KEYS[2], t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[2], KEYS[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
