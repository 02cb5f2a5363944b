-- Shows the ledger an account's caps. An older version never replaces a newer.
-- KEYS 1 limits
-- ARGV 1 version  2 inbound  3 outbound  4 two-way  5 burst  6 max outbound  7 ms to keep
local have = tonumber(redis.call('HGET', KEYS[1], 'v') or 0)
if have >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[1], 'i', ARGV[2], 'o', ARGV[3], 't', ARGV[4], 'b', ARGV[5], 'm', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[7])
return 1
