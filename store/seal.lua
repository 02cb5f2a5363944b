-- Vouches for the audit trail up to an entry; a seal never goes back.
-- KEYS  1 chain
-- ARGV  1 number  2 id  3 hash  4 number of the oldest entry  5 seal
-- Reply 1, or 0 where a newer seal is there
if tonumber(redis.call('HGET', KEYS[1], 'sealed') or 0) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'sealed', ARGV[1], 'seal_id', ARGV[2], 'seal_hash', ARGV[3], 'seal_first', ARGV[4], 'seal', ARGV[5])
return 1
