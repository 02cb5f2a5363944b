-- Takes lines for a call of which some accounts have none free and pay per minute; all of it or nothing.
-- KEYS  1 fence  2 own  3 call; then per claim: limits, inbound leases, outbound leases, and of one that pays:
--       leases that are paid for, bill; at last, where the call needs minutes of licences, talk
-- ARGV  1 ms until an early lease's deadline  2 ms its call is kept  3 ms caps are kept  4 lease  5 a character per
--       claim, o or i, O or I for one that pays  6 info; then per claim: version (0: none set), inbound, outbound,
--       two-way, burst, max outbound, and of one that pays: credit added, floor, price of a minute; at last per licence
--       that holds: licence, minutes of it
-- Reply {0} admitted, {-1} known lease, {-2} ended, {-3} fenced, {n} claim n found no line, {-1000 - n} claim n has
--       not the credit, {-2000 - n} claim n has a line free after all,
--       {-4} no licence has minutes left
-- A bill is a hash: s, what calls have cost; and of each call that runs, by its lease, price and since when (ms).
local call, format = redis.call, string.format
if call('EXISTS', KEYS[1]) == 1 then return {-3} end
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local stamp, early, lease = format('%d', now), format('%d', now + ARGV[1]), ARGV[4]
local there = call('GET', KEYS[3])
if there then return {string.byte(there) == 116 and -2 or -1} end

local function over(limit, used)
  if limit >= 0 and used > limit then return used - limit end
  return 0
end

-- The caps to go by: the newest version anyone has shown. nil: none set.
local function caps(key, a)
  local h = call('HMGET', key, 'v', 'i', 'o', 't', 'b', 'm')
  if tonumber(ARGV[a]) > tonumber(h[1] or 0) then
    call('HSET', key, 'v', ARGV[a], 'i', ARGV[a + 1], 'o', ARGV[a + 2], 't', ARGV[a + 3], 'b', ARGV[a + 4], 'm', ARGV[a + 5])
    call('PEXPIRE', key, ARGV[3])
    for i = 2, 6 do h[i] = ARGV[a + i - 1] end
  elseif not h[1] then
    return nil
  end
  return {i = tonumber(h[2]), o = tonumber(h[3]), t = tonumber(h[4]), b = tonumber(h[5]), m = tonumber(h[6])}
end

local taken, paid = {}, {}

-- Trunk arithmetic; what is used includes the call that asks. The second result: max_outbound_calls is reached.
local function free(into, out, outbound, c)
  local uin, uout = call('ZCARD', into) + (taken[into] or 0), call('ZCARD', out) + (taken[out] or 0)
  if outbound then
    uout = uout + 1
    if c.m >= 0 and uout > c.m then return false, true end
    if over(c.o, uout) == 0 then return true end
  else
    uin = uin + 1
    if over(c.i, uin) == 0 then return true end
  end
  return over(c.b, over(c.t, over(c.i, uin) + over(c.o, uout))) == 0
end

-- Whether the credit lasts for one minute more than what all calls that run will have cost in a minute.
local function affords(min, bill, added, floor, price)
  if price == 0 then return true end
  local left = added
  local entries = call('HGETALL', bill)
  for i = 1, #entries, 2 do
    local who, text = entries[i], entries[i + 1]
    if who == 's' then
      left = left - tonumber(text)
    else
      local deadline = call('ZSCORE', min, who)
      if deadline and tonumber(deadline) > now then
        local cost, since = string.match(text, '^(%d+) (%d+)$')
        left = left - cost * (math.ceil((now - since) / 60000) + 1)
      else
        -- Nobody has given it back, and nobody knows when it ended: it costs nothing.
        call('HDEL', bill, who)
        call('ZREM', min, who)
      end
    end
  end
  return left - price > floor
end

local k, a = 4, 7
for n = 1, #ARGV[5] do
  local kind = string.byte(ARGV[5], n)
  local outbound, pays = kind == 111 or kind == 79, kind < 97
  local into, out = KEYS[k + 1], KEYS[k + 2]
  local mine = outbound and out or into
  if not taken[mine] then
    local c = caps(KEYS[k], a)
    local room, most = true, false
    if c then
      room, most = free(into, out, outbound, c)
      if not room then
        -- It looks full: drop what has expired and look again.
        call('ZREMRANGEBYSCORE', into, '-inf', stamp)
        call('ZREMRANGEBYSCORE', out, '-inf', stamp)
        room, most = free(into, out, outbound, c)
      end
    end
    if pays and room then return {-2000 - n} end
    if not room and (most or not pays) then return {n} end
    taken[mine] = 1
  end
  if pays then
    local min, bill, price = KEYS[k + 3], KEYS[k + 4], ARGV[a + 8]
    if not paid[bill] then
      if not affords(min, bill, tonumber(ARGV[a + 6]), tonumber(ARGV[a + 7]), tonumber(price)) then return {-1000 - n} end
      paid[bill] = {min, price .. ' ' .. stamp}
    end
    k, a = k + 5, a + 9
  else
    k, a = k + 3, a + 6
  end
end

if KEYS[k] then
  local left = 0
  for i = a, #ARGV, 2 do
    left = left + math.max(0, ARGV[i + 1] - (call('HGET', KEYS[k], ARGV[i]) or 0))
  end
  if left <= 0 then return {-4} end
end

for set in pairs(taken) do call('ZADD', set, early, lease) end
for bill, entry in pairs(paid) do
  call('ZADD', entry[1], early, lease)
  call('HSET', bill, lease, entry[2])
end
if KEYS[k] then call('HSET', KEYS[k], 'c:' .. lease, stamp) end
call('SET', KEYS[3], 'e' .. stamp .. ARGV[6], 'PX', ARGV[2])
call('SADD', KEYS[2], lease)
return {0}
