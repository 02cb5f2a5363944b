-- Notes when calls of accounts began that have been recorded.
-- KEYS  1 times (hash: account → ms of the latest)  2 order (sorted set: account, score = ms when it was noted)
-- ARGV  account and ms by turns
local now = redis.call('TIME')
local noted = now[1] * 1000 + math.floor(now[2] / 1000)
for i = 1, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  if not known or tonumber(known) < tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    redis.call('ZADD', KEYS[2], noted, ARGV[i])
  end
end
