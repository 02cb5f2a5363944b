-- Notes how far a webhook's deliveries have come, unless another node leads since.
-- KEYS  1 term  2 state of the webhook  3 its log
-- ARGV  1 term of the writer  2 state  3 attempt, or empty  4 attempts to keep  5 ms to keep them
-- Reply 1, or 0 where the writer's term is over
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[5])
if ARGV[3] ~= '' then
  redis.call('LPUSH', KEYS[3], ARGV[3])
  redis.call('LTRIM', KEYS[3], 0, ARGV[4] - 1)
  redis.call('PEXPIRE', KEYS[3], ARGV[5])
end
return 1
