-- Takes lines for a call of which some accounts have none free and pay per minute, or whose caller needs minutes of
-- licences; all of it or nothing.
-- KEYS  1 fence  2 own  3 call  4 meters; then per claim: limits, inbound leases, outbound leases, and of one that
--       pays: bill, its set; at last, where the call needs minutes: their hash, its set
-- ARGV  1 ms until an early lease's deadline  2 ms its call is kept  3 ms caps are kept  4 lease  5 a character per
--       claim, o or i, O or I for one that pays  6 info; then per claim: version (0: none set), inbound, outbound,
--       two-way, burst, max outbound, and of one that pays: credit added, floor, price of a minute, account; at last,
--       where the call needs minutes: account, and per licence that holds: licence, minutes of it
-- Reply {0} admitted, {2^32 and more} admitted, a bit for each claim on a burst line, {-1} known lease, {-2} ended,
--       {-3} fenced, {-4} no licence has minutes left, {n} claim n found no line, {-1000 - n} claim n has not the
--       credit, {-2000 - n} claim n has a line free after all
if call('EXISTS', KEYS[1]) == 1 then return {-3} end
local stamp, early, lease = format('%d', now), format('%d', now + ARGV[1]), ARGV[4]
local gone = now - (ARGV[2] - ARGV[1])
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

local taken, metered, burst = {}, {}, 0

-- Trunk arithmetic; what is used includes the call that asks. The second result: max_outbound_calls is reached. The
-- third: the line is a burst one.
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
  local rest = over(c.t, over(c.i, uin) + over(c.o, uout))
  if rest == 0 then return true end
  return over(c.b, rest) == 0, false, true
end

-- Whether what is left stays above the floor by n more than what the calls that run will have counted in a minute.
-- Where there is plenty, not every call is looked at.
local function lasts(hash, set, left, floor, n, first)
  local most = bound(hash)
  if most and left() - most - n > floor then return true end
  local run = running(hash, set, gone, first)
  return left() - run - n > floor
end

-- Whether the credit lasts for one minute more.
local function affords(bill, set, added, floor, price)
  return price == 0 or lasts(bill, set, function() return added - (call('HGET', bill, 's') or 0) end, floor, price)
end

local k, a = 5, 7
for n = 1, #ARGV[5] do
  local kind = string.byte(ARGV[5], n)
  local outbound, pays = kind == 111 or kind == 79, kind < 97
  local into, out = KEYS[k + 1], KEYS[k + 2]
  local mine = outbound and out or into
  if not taken[mine] then
    local c = caps(KEYS[k], a)
    local room, most, last = true, false, false
    if c then
      room, most, last = free(into, out, outbound, c)
      if not room then
        -- It looks full: drop what has expired and look again.
        call('ZREMRANGEBYSCORE', into, '-inf', stamp)
        call('ZREMRANGEBYSCORE', out, '-inf', stamp)
        room, most, last = free(into, out, outbound, c)
      end
    end
    if pays and room then return {-2000 - n} end
    if not room and (most or not pays) then return {n} end
    if room and last and n <= 32 then burst = burst + 2 ^ (n - 1) end
    taken[mine] = 1
  end
  if pays then
    local bill, set, price = KEYS[k + 3], KEYS[k + 4], ARGV[a + 8]
    if not metered[bill] then
      if not affords(bill, set, tonumber(ARGV[a + 6]), tonumber(ARGV[a + 7]), tonumber(price)) then return {-1000 - n} end
      metered[bill] = {set, price, ARGV[a + 9]}
    end
    k, a = k + 5, a + 10
  else
    k, a = k + 3, a + 6
  end
end

if KEYS[k] then
  -- The minutes left, less what the calls that run will have talked in a minute, must last for one more.
  local function left()
    local n = 0
    for i = a + 1, #ARGV, 2 do n = n + math.max(0, ARGV[i + 1] - (call('HGET', KEYS[k], ARGV[i]) or 0)) end
    return n
  end
  if not lasts(KEYS[k], KEYS[k + 1], left, 0, 0, a + 1) then return {-4} end
  metered[KEYS[k]] = {KEYS[k + 1], '1', ARGV[a]}
end

for set in pairs(taken) do call('ZADD', set, early, lease) end
for hash, m in pairs(metered) do
  call('ZADD', m[1], early, lease)
  local _, since, highest = bound(hash)
  call('HSET', hash, lease, m[2] .. ' ' .. stamp, '~', format('%s/%d', since or stamp, math.max(highest or 0, m[2])))
  -- When the account is to be looked at for calls that nobody gives back.
  local at = call('ZSCORE', KEYS[4], m[3])
  if not at or tonumber(at) > tonumber(early) then call('ZADD', KEYS[4], early, m[3]) end
end
call('SET', KEYS[3], 'e' .. stamp .. ARGV[6], 'PX', ARGV[2])
call('SADD', KEYS[2], lease)
return {burst == 0 and 0 or 4294967296 + burst}
