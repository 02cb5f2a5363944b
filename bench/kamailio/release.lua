-- Gives the lines of a call back and files its record, in every log given; the second time nothing.
-- KEYS: the call, the tombstone, the logs   ARGV: the call, the SIP status
local call = redis.call('HMGET', KEYS[1], 'out', 'in', 'since')
if not call[1] then
  return 0
end
redis.call('ZREM', call[1], ARGV[1])
redis.call('ZREM', call[2], ARGV[1])
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], 1, 'PX', 120000)
for i = 3, #KEYS do
  redis.call('XADD', KEYS[i], 'MAXLEN', '~', 100000, '*', 'call', ARGV[1], 'since', call[3], 'status', ARGV[2])
end
return 1
