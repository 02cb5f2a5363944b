-- Files a call record again whose first attempt may or may not have arrived.
-- KEYS 1 call log   ARGV 1 record  2 how many records to keep  3 how many of the newest to compare
-- Reply the record's id, the earlier one's when it is there already
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', ARGV[3])) do
  if entry[2][2] == ARGV[1] then return entry[1] end
end
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'r', ARGV[1])
