-- Lets one of several requests with the same key begin.
-- KEYS 1 idempotency   ARGV 1 fingerprint  2 ms a running request may take
-- Reply {0} begin, {1} running, {2} another fingerprint, {3, answer} done
local h = redis.call('HMGET', KEYS[1], 'fp', 'st', 'answer')
if not h[1] then
  redis.call('HSET', KEYS[1], 'fp', ARGV[1], 'st', 'running')
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {0}
end
if h[1] ~= ARGV[1] then return {2} end
if h[2] ~= 'done' then return {1} end
return {3, h[3]}
