-- Gives a lease's lines back, for good: its tomb keeps late operations out.
-- KEYS  1 tomb  2 call  3 own; then every lease set that holds it
-- ARGV  1 lease  2 loc, which names those keys  3 ms the tomb stays
-- Reply how many lines were freed; or the loc to ask again with
redis.call('SET', KEYS[1], '1', 'PX', ARGV[3], 'NX')
local loc = redis.call('HGET', KEYS[2], 'loc')
redis.call('SREM', KEYS[3], ARGV[1])
if loc and loc ~= ARGV[2] then return loc end
local freed = 0
for i = 4, #KEYS do freed = freed + redis.call('ZREM', KEYS[i], ARGV[1]) end
if loc then redis.call('DEL', KEYS[2]) end
return freed
