-- Forgets what the calls of a deleted account have cost and talked, unless some still run: then the sweep comes again.
-- KEYS  1 meters  2 bill  3 its set  4 minutes  5 their set
-- ARGV  1 account
-- Reply 1, or 0 while calls run
if redis.call('ZCARD', KEYS[3]) + redis.call('ZCARD', KEYS[5]) > 0 then return 0 end
redis.call('DEL', KEYS[2], KEYS[4])
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
