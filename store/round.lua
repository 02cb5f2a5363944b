-- Carries out operations of the ledger, each for itself, in their order.
-- KEYS  1 fence  2 own
--       then per operation: call; to admit: limits, inbound leases, outbound leases per claim; to confirm and to
--       release: every lease set that holds it; to release another's: first the other's own
-- ARGV  1 ms until an early lease's deadline  2 ms its call is kept  3 ms caps are kept  4 ms a tomb is kept
--       then per operation, its first word being a letter and one character per claim or lease set:
--       a and "o" or "i"  info; per claim: version (0: none set), inbound, outbound, two-way, burst, max outbound
--       c  loc  ms until the deadline  ms the call is kept
--       r, f (another's)  loc
-- Reply per operation
--       a  0 admitted, -1 known lease, -2 ended, -3 fenced, n > 0: claim n found no line
--       c  1 done, 2 ended, 3 lost
--       r, f  how many lines were freed
--       or the loc to ask again with; or "!" and an error: whether the operation was carried out is unknown then
-- A call is a string: state, since when (13 digits), loc, info. The state is e (early), c (confirmed) or t: a tomb,
-- which has nothing behind it unless it waits to be told the right loc.
local call, sub, byte, format = redis.call, string.sub, string.byte, string.format
local last = #ARGV
local now, stamp, early, fenced
local known, size, taken, begun = {}, {}, {}, nil
local adopted, gone = {}, {}

local function clock()
  local t = call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
  stamp = format('%d', now)
  early = format('%d', now + ARGV[1])
end

-- The loc of a call, with its length before it.
local function located(state)
  local colon = string.find(state, ':', 15, true)
  return sub(state, 15, colon + tonumber(sub(state, 15, colon - 1)))
end

-- Where in ARGV the caps to go by are: the newest version anyone has shown. nil: none set.
local function caps(key, a)
  local at = known[key]
  if at and ARGV[at] == ARGV[a] then return at end
  local kept = at and ARGV[at] or call('HGET', key, 'v')
  if kept == ARGV[a] then
    at = a
  elseif tonumber(ARGV[a]) > tonumber(kept or 0) then
    call('HSET', key, 'v', ARGV[a], 'i', ARGV[a + 1], 'o', ARGV[a + 2], 't', ARGV[a + 3], 'b', ARGV[a + 4], 'm', ARGV[a + 5])
    call('PEXPIRE', key, ARGV[3])
    at = a
  elseif kept and not at then
    at = #ARGV + 1
    for i, value in ipairs(call('HMGET', key, 'v', 'i', 'o', 't', 'b', 'm')) do ARGV[at + i - 1] = value end
  end
  known[key] = at
  return at
end

local function over(limit, used)
  if limit >= 0 and used > limit then return used - limit end
  return 0
end

-- The leases in a set, with the line this call has already been promised there.
local function used(set)
  local n = size[set]
  if not n then
    n = call('ZCARD', set)
    size[set] = n
  end
  return n + (taken[set] or 0)
end

-- Trunk arithmetic; what is used includes the call that asks.
local function free(into, out, outbound, at)
  local uin, uout
  if outbound then
    local co, cm = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 5])
    if co < 0 and cm < 0 then return true end
    uout = used(out) + 1
    if cm >= 0 and uout > cm then return false end
    if over(co, uout) == 0 then return true end
    uin = used(into)
  else
    local ci = tonumber(ARGV[at + 1])
    if ci < 0 then return true end
    uin = used(into) + 1
    if over(ci, uin) == 0 then return true end
    uout = used(out)
  end
  local rest = over(tonumber(ARGV[at + 1]), uin) + over(tonumber(ARGV[at + 2]), uout)
  return over(tonumber(ARGV[at + 4]), over(tonumber(ARGV[at + 3]), rest)) == 0
end

local function shrink(set, by)
  if size[set] then size[set] = size[set] - by end
  return by
end

-- Takes a line for every claim of a call, or none.
local function admit(op, n, k, a)
  if fenced == nil then fenced = call('EXISTS', KEYS[1]) == 1 end
  if fenced then return -3 end
  if not now then clock() end
  local key = KEYS[k]
  if not call('SET', key, 'e' .. stamp .. ARGV[a + 1], 'PX', ARGV[2], 'NX') then
    return byte(call('GET', key)) == 116 and -2 or -1
  end
  begun = key
  local lease = sub(key, -32)
  taken = {}
  for c = 1, n do
    local i, outbound = k + c * 3 - 2, byte(op, c + 1) == 111
    local into, out = KEYS[i + 1], KEYS[i + 2]
    local mine = outbound and out or into
    if not taken[mine] then
      local at = caps(KEYS[i], a + c * 6 - 4)
      if at and not free(into, out, outbound, at) then
        -- It looks full: drop what has expired and look again.
        shrink(into, call('ZREMRANGEBYSCORE', into, '-inf', stamp))
        shrink(out, call('ZREMRANGEBYSCORE', out, '-inf', stamp))
        if not free(into, out, outbound, at) then
          call('DEL', key)
          return c
        end
      end
      taken[mine] = 1
    end
  end
  for set in pairs(taken) do shrink(set, -call('ZADD', set, early, lease)) end
  adopted[#adopted + 1] = lease
  return 0
end

-- Marks a lease as answered and moves its deadline.
local function confirm(op, n, k, a)
  local key, loc = KEYS[k], ARGV[a + 1]
  local state = call('GET', key)
  if state then
    if byte(state) == 116 then return 2 end
    if sub(state, 15, 14 + #loc) ~= loc then return located(state) end
  end
  if not now then clock() end
  local lease, deadline, whole = sub(key, -32), format('%d', now + ARGV[a + 2]), state
  for i = k + 1, k + n do
    -- It changes nothing where the deadline stands already.
    if not whole or call('ZADD', KEYS[i], 'XX', 'CH', deadline, lease) == 0 and not call('ZSCORE', KEYS[i], lease) then
      whole = false
    end
  end
  if not whole then
    -- A call is in all of its sets or in none.
    for i = k + 1, k + n do shrink(KEYS[i], call('ZREM', KEYS[i], lease)) end
    call('DEL', key)
    return 3
  end
  if byte(state) == 101 then state = 'c' .. stamp .. sub(state, 15) end
  call('SET', key, state, 'PX', ARGV[a + 3])
  return 1
end

-- Gives a lease's lines back, for good: its tomb keeps late operations out.
local function release(op, n, k, a, own)
  local key, loc = KEYS[k], ARGV[a + 1]
  local state = call('SET', key, 't', 'PX', ARGV[4], 'GET')
  local lease, freed = sub(key, -32), 0
  if not own then
    gone[#gone + 1] = lease
  else
    call('SREM', own, lease)
  end
  if state and state ~= 't' and sub(state, 15, 14 + #loc) ~= loc then
    call('SET', key, 't' .. sub(state, 2), 'PX', ARGV[4])
    return located(state)
  end
  for i = k + 1, k + n do freed = freed + shrink(KEYS[i], call('ZREM', KEYS[i], lease)) end
  return freed
end

local replies = {}
local k, a = 3, 5
while a <= last do
  local op, own = ARGV[a], nil
  local kind, n, done, reply = byte(op), #op - 1, nil, nil
  if kind == 97 then
    begun = nil
    done, reply = pcall(admit, op, n, k, a)
    if not done and begun then pcall(call, 'DEL', begun) end
    k, a = k + 1 + 3 * n, a + 2 + 6 * n
  elseif kind == 99 then
    done, reply = pcall(confirm, op, n, k, a)
    k, a = k + 1 + n, a + 4
  else
    if kind == 102 then
      own, k = KEYS[k], k + 1
    end
    done, reply = pcall(release, op, n, k, a, own)
    k, a = k + 1 + n, a + 2
  end
  if not done then reply = '!' .. (type(reply) == 'table' and reply.err or 'ERR ' .. tostring(reply)) end
  replies[#replies + 1] = reply
end
if #adopted > 0 then call('SADD', KEYS[2], unpack(adopted)) end
if #gone > 0 then call('SREM', KEYS[2], unpack(gone)) end
return replies
