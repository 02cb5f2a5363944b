-- Makes a node the one that delivers to webhooks, or keeps it so.
-- KEYS  1 lead (who leads, expires)  2 term (counts leaders)
-- ARGV  1 who asks  2 ms for which it leads
-- Reply the term, or 0 while another leads
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
local term = holder and tonumber(redis.call('GET', KEYS[2]) or 0) or 0
if term == 0 then term = redis.call('INCR', KEYS[2]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return term
