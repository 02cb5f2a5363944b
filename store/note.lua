-- Puts down an act that changes nothing in the directory (after audit.lua).
-- KEYS  1 trail  2 chain  3 beginning of the indexes
-- ARGV  1 entry  2 its MAC  3 accounts  4 how many entries to keep
-- Reply {id, prev, hash}
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
return audit({trail = KEYS[1], chain = KEYS[2], index = KEYS[3]}, '0', ms,
  {data = ARGV[1], mac = ARGV[2], accounts = ARGV[3], keep = tonumber(ARGV[4])})
