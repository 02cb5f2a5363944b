-- Books the calls of an account on terms that nobody gave back, and tells what its calls have cost and talked.
-- KEYS  1 meters  2 bill  3 its set  4 minutes  5 their set
-- ARGV  1 account  2 ms a call outlives its deadline; then per licence that holds: licence, minutes of it
-- Reply what the calls that run will have cost a minute from now, the minutes they will have talked by then, what calls
--       have cost; then licence, minutes used of it
local gone = now - ARGV[2]
local reply = {running(KEYS[2], KEYS[3], gone), running(KEYS[4], KEYS[5], gone, 3), tonumber(call('HGET', KEYS[2], 's') or 0)}
local used = call('HGETALL', KEYS[4])
for i = 1, #used, 2 do
  if used[i] ~= '~' and not parse(used[i + 1]) then
    reply[#reply + 1] = used[i]
    reply[#reply + 1] = tonumber(used[i + 1])
  end
end
local nearest
for _, set in ipairs({KEYS[3], KEYS[5]}) do
  call('ZREMRANGEBYSCORE', set, '-inf', format('%d', gone))
  local deadline = call('ZRANGE', set, 0, 0, 'WITHSCORES')[2]
  if deadline and (not nearest or tonumber(deadline) < nearest) then nearest = tonumber(deadline) end
end
if nearest then
  call('ZADD', KEYS[1], format('%d', nearest), ARGV[1])
else
  call('ZREM', KEYS[1], ARGV[1])
end
return reply
