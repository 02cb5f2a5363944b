-- Carries out operations of the ledger on as many leases, each for itself: first all releases, then all confirms,
-- then all admissions in their order. What they do to one lease set is one command.
-- KEYS  1 fence  2 own
--       then per operation: call; to admit: limits, inbound leases, outbound leases per claim; to confirm and to
--       release: every lease set that holds it; to release another's: first the other's own
-- ARGV  1 ms until an early lease's deadline  2 ms its call is kept  3 ms caps are kept  4 ms a tomb is kept
--       then per operation, its first word being a letter and one character per claim or lease set:
--       a and "o" or "i"  info; per claim: version (0: none set), inbound, outbound, two-way, burst, max outbound
--       c  loc  ms until the deadline  ms the call is kept
--       r, f (another's)  loc
-- Reply per operation
--       a  0 admitted, 2^32 and more: admitted, a bit for each claim on a burst line, -1 known lease, -2 ended,
--          -3 fenced, n > 0: claim n found no line
--       c  1 done, 2 ended, 3 lost
--       r, f  0 done
--       or the loc to ask again with; or "!" and an error: whether the operation was carried out is unknown then
-- A call is a string: state, since when (13 digits), loc, info. The state is e (early), c (confirmed) or t: a tomb,
-- which has nothing behind it unless it waits to be told the right loc.
local call, sub, byte, format = redis.call, string.sub, string.byte, string.format
local replies = {}
local now, stamp, early

local function clock()
  local t = call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
  stamp = format('%d', now)
  early = format('%d', now + ARGV[1])
end

-- Does f for one operation, which alone suffers from an error.
local function try(i, f, ...)
  local done, reply = pcall(f, ...)
  if not done then reply = '!' .. (type(reply) == 'table' and reply.err or 'ERR ' .. tostring(reply)) end
  replies[i] = reply
  return done
end

-- What is to be done to lease sets: per set the words of one command, and the operations they are for.
local words, sharers = {}, {}

local function join(set, i, word, member)
  local w, s = words[set], sharers[set]
  if not w then
    w, s = {}, {}
    words[set], sharers[set] = w, s
  end
  w[#w + 1] = word
  w[#w + 1] = member
  s[#s + 1] = i
end

-- Sends the commands. check is told each reply and how many operations it is for.
local function flush(check, name, ...)
  for set, w in pairs(words) do
    local s, lead = sharers[set], {name, set, ...}
    for n = 1, #w do lead[#lead + 1] = w[n] end
    local done, reply = pcall(call, unpack(lead))
    if not done then
      for n = 1, #s do replies[s[n]] = '!' .. (type(reply) == 'table' and reply.err or 'ERR ' .. tostring(reply)) end
    elseif check and reply ~= #s then
      check(set, s)
    end
  end
  words, sharers = {}, {}
end

-- Whether the state of a call says that it is held there.
local function heldAt(state, loc) return sub(state, 15, 14 + #loc) == loc end

-- The loc of a call, with its length before it.
local function located(state)
  local colon = string.find(state, ':', 15, true)
  return sub(state, 15, colon + tonumber(sub(state, 15, colon - 1)))
end

-- Gives a lease's lines back, for good: its tomb keeps late operations out.
local gone = {}
local function release(i, n, k, a, own)
  local key, loc = KEYS[k], ARGV[a + 1]
  local state = call('SET', key, 't', 'PX', ARGV[4], 'GET')
  local lease = sub(key, -32)
  if own then
    call('SREM', own, lease)
  else
    gone[#gone + 1] = lease
  end
  if state and state ~= 't' and not heldAt(state, loc) then
    call('SET', key, 't' .. sub(state, 2), 'PX', ARGV[4])
    return located(state)
  end
  for j = k + 1, k + n do join(KEYS[j], i, lease) end
  return 0
end

-- Marks a lease as answered and moves its deadline.
local whole = {}
local function confirm(i, n, k, a, state)
  local loc = ARGV[a + 1]
  whole[i] = true
  if not state then
    whole[i] = false
    return 3
  end
  if byte(state) == 116 then return 2 end
  if not heldAt(state, loc) then return located(state) end
  if not now then clock() end
  local lease, deadline = sub(KEYS[k], -32), format('%d', now + ARGV[a + 2])
  for j = k + 1, k + n do join(KEYS[j], i, deadline, lease) end
  return 1
end

-- Where deadlines did not all move, some stand where they should already, or a lease is not in the set.
local function missing(calls)
  return function(set, s)
    for n = 1, #s do
      if not call('ZSCORE', set, sub(KEYS[calls[s[n]]], -32)) then whole[s[n]] = false end
    end
  end
end

local function confirmed(i, n, k, a, state)
  local key = KEYS[k]
  if whole[i] then
    if byte(state) == 101 then state = 'c' .. stamp .. sub(state, 15) end
    call('SET', key, state, 'PX', ARGV[a + 3])
    return 1
  end
  -- A call is in all of its sets or in none.
  for j = k + 1, k + n do call('ZREM', KEYS[j], sub(key, -32)) end
  call('DEL', key)
  return 3
end

-- Where in ARGV the caps to go by are: the newest version anyone has shown. nil: none set.
local known = {}
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

-- The leases in a set and those about to join it, with the line this call has already been promised there.
local size, taken = {}, {}
local function used(set)
  local n = size[set]
  if not n then
    n = call('ZCARD', set) + (sharers[set] and #sharers[set] or 0)
    size[set] = n
  end
  return n + (taken[set] or 0)
end

-- Trunk arithmetic; what is used includes the call that asks. The second result: the line is a burst one.
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
  local rest = over(tonumber(ARGV[at + 3]), over(tonumber(ARGV[at + 1]), uin) + over(tonumber(ARGV[at + 2]), uout))
  if rest == 0 then return true end
  return over(tonumber(ARGV[at + 4]), rest) == 0, true
end

local function purge(set)
  local n = call('ZREMRANGEBYSCORE', set, '-inf', stamp)
  if size[set] then size[set] = size[set] - n end
end

-- Takes a line for every claim of a call, or none.
local fenced, begun
local adopted = {}
local function admit(i, op, n, k, a)
  if fenced == nil then fenced = call('EXISTS', KEYS[1]) == 1 end
  if fenced then return -3 end
  if not now then clock() end
  local key = KEYS[k]
  if not call('SET', key, 'e' .. stamp .. ARGV[a + 1], 'PX', ARGV[2], 'NX') then
    return byte(call('GET', key)) == 116 and -2 or -1
  end
  begun, taken = key, {}
  local burst = 0
  for c = 1, n do
    local l, outbound = k + c * 3 - 2, byte(op, c + 1) == 111
    local into, out = KEYS[l + 1], KEYS[l + 2]
    local mine = outbound and out or into
    if not taken[mine] then
      local at = caps(KEYS[l], a + c * 6 - 4)
      local room, last = true, false
      if at then room, last = free(into, out, outbound, at) end
      if not room then
        -- It looks full: drop what has expired and look again.
        purge(into)
        purge(out)
        room, last = free(into, out, outbound, at)
        if not room then
          call('DEL', key)
          return c
        end
      end
      if last and c <= 32 then burst = burst + 2 ^ (c - 1) end
      taken[mine] = 1
    end
  end
  local lease = sub(key, -32)
  for set in pairs(taken) do
    join(set, i, early, lease)
    if size[set] then size[set] = size[set] + 1 end
  end
  adopted[#adopted + 1] = lease
  return burst == 0 and 0 or 4294967296 + burst
end

-- Find the operations, and carry the releases out.
local admits, confirms, states, calls, args = {}, {}, {}, {}, {}
local i, k, a, last = 0, 3, 5, #ARGV
while a <= last do
  i = i + 1
  local op = ARGV[a]
  local kind, n = byte(op), #op - 1
  calls[i], args[i] = k, a
  if kind == 97 then
    admits[#admits + 1] = i
    k, a = k + 1 + 3 * n, a + 2 + 6 * n
  elseif kind == 99 then
    confirms[#confirms + 1] = i
    states[#states + 1] = KEYS[k]
    k, a = k + 1 + n, a + 4
  else
    local own
    if kind == 102 then
      own, k = KEYS[k], k + 1
    end
    try(i, release, i, n, k, a, own)
    k, a = k + 1 + n, a + 2
  end
end
flush(nil, 'ZREM')

if #confirms > 0 then
  states = call('MGET', unpack(states))
  for c, i in ipairs(confirms) do try(i, confirm, i, #ARGV[args[i]] - 1, calls[i], args[i], states[c]) end
  flush(missing(calls), 'ZADD', 'XX', 'CH')
  for c, i in ipairs(confirms) do
    if replies[i] == 1 or replies[i] == 3 then try(i, confirmed, i, #ARGV[args[i]] - 1, calls[i], args[i], states[c]) end
  end
end

for _, i in ipairs(admits) do
  begun = nil
  if not try(i, admit, i, ARGV[args[i]], #ARGV[args[i]] - 1, calls[i], args[i]) and begun then pcall(call, 'DEL', begun) end
end
flush(nil, 'ZADD')
if #adopted > 0 then call('SADD', KEYS[2], unpack(adopted)) end
if #gone > 0 then call('SREM', KEYS[2], unpack(gone)) end
return replies
