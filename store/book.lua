-- Books what a call that is paid for per minute has cost, once, before its lease is released.
-- KEYS  1 call; then per account that pays: bill
-- ARGV  1 lease
-- Reply what was booked per account
local state = redis.call('GET', KEYS[1])
local since
-- A call that is up, or was when it was released with another loc than its own.
if state and #state > 14 and string.byte(state) ~= 101 then since = tonumber(string.sub(state, 2, 14)) end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local booked = {}
for i = 2, #KEYS do
  local cost, entry = 0, redis.call('HGET', KEYS[i], ARGV[1])
  if entry then
    if since then
      cost = string.match(entry, '^%d+') * math.max(1, math.ceil((now - since) / 60000))
      redis.call('HINCRBY', KEYS[i], 's', string.format('%d', cost))
    end
    redis.call('HDEL', KEYS[i], ARGV[1])
  end
  booked[#booked + 1] = cost
end
return booked
