-- Carries out operations of the ledger on as many leases, each for itself: first all releases, then all confirms,
-- then all admissions in their order. What they do to one lease set is one command.
-- KEYS  1 fence  2 own, then all that the operations name, each once
-- ARGV  1 ms until an early lease's deadline  2 ms a call outlives its lease's deadline  3 ms caps are kept  4 ms a tomb
--       is kept  5 how many words come before the values  6 three characters per operation: its letter, the place of its
--       call in KEYS, that of its form among the values; then, of every admission, what people read of the call; then caps,
--       six words each; then the values, each once
-- A place is a character's code, counted from 1. A form begins with the place of the loc among the values; then
--       a  per claim: o or i, the places of limits, inbound leases and outbound leases in KEYS, of its caps among the
--          caps: version (0: none set), inbound, outbound, two-way, burst, max outbound
--       c  the place of the ms until the deadline among the values, those of every lease set that holds it in KEYS
--       r  those of every lease set that holds it
--       f  another's: the place of the other's own in KEYS, then as r
-- Reply per operation
--       a  0 admitted, 2^32 and more: admitted, a bit for each claim on a burst line, -1 known lease, -2 ended,
--          -3 fenced, n > 0: claim n found no line
--       c  1 done, 2 ended, 3 lost
--       r, f  0 done
--       or the loc to ask again with; or "!" and an error: whether the operation was carried out is unknown then
-- A call is a string: state, since when (13 digits), loc, info. The state is e (early), c (confirmed) or t: a tomb,
-- which has nothing behind it unless it waits to be told the right loc.
-- Most of what a round costs is this text being run: its instructions count, the functions it makes with what they
-- share, and the octets of its strings.
local KEYS, ARGV, call, byte = KEYS, ARGV, redis.call, string.byte
local orders, base, i = ARGV[6], ARGV[5] + 0, 0
local replies, calls, leases, forms, infos, scores = {}, {}, {}, {}, {}, {}
local admits, confirms, releases, names, foreign = {}, {}, {}, {}, {}
for at = 1, #orders, 3 do
  local letter, name, form = byte(orders, at, at + 2)
  i = i + 1
  name = KEYS[name]
  calls[i], leases[i], forms[i] = name, string.sub(name, -32), ARGV[base + form]
  if letter == 97 then
    admits[#admits + 1] = i
    infos[i] = ARGV[6 + #admits]
  elseif letter == 99 then
    confirms[#confirms + 1] = i
    names[#names + 1] = name
  else
    releases[#releases + 1] = i
    foreign[i] = letter == 102
  end
end

local now, stamp
if #admits + #confirms > 0 then
  local t = call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
  stamp = string.format('%d', now)
end

local function fault(err) return '!' .. (type(err) == 'table' and err.err or 'ERR ' .. tostring(err)) end

-- Does f for each operation of a list; one that fails suffers alone.
local function each(list, f)
  list.begun = 0
  local function rest()
    for n = list.begun + 1, #list do
      list.begun = n
      local i = list[n]
      replies[i] = f(i)
    end
  end
  while list.begun < #list do
    local done, err = pcall(rest)
    if not done then replies[list[list.begun]] = fault(err) end
  end
end

-- The operations that do something to a lease set.
local sharers = {}
local function join(set, i)
  local s = sharers[set]
  if s then
    s[#s + 1] = i
  else
    sharers[set] = {i}
  end
end

-- Sends a command per lease set, with the leases and, if scored, their scores. check is told of those where the reply is
-- not how many operations it is for.
local function flush(check, scored, name, ...)
  for set, s in pairs(sharers) do
    local words, n = {name, set, ...}, 2 + select('#', ...)
    for m = 1, #s do
      local i = s[m]
      if scored then
        n = n + 1
        words[n] = scores[i]
      end
      n = n + 1
      words[n] = leases[i]
    end
    local done, reply = pcall(call, unpack(words))
    if not done then
      for m = 1, #s do replies[s[m]] = fault(reply) end
    elseif check and reply ~= #s then
      check(set, s)
    end
  end
  sharers = {}
end

-- The loc that a call has, with its length before it, unless it is this one.
local function elsewhere(state, loc)
  if string.find(state, loc, 15, true) == 15 then return nil end
  local colon = string.find(state, ':', 15, true)
  return string.sub(state, 15, colon + string.sub(state, 15, colon - 1))
end

-- Give leases' lines back, for good: their tombs keep late operations out.
if #releases > 0 then
  local gone, tombKept = {}, ARGV[4]
  each(releases, function(i)
    local form, name, first = forms[i], calls[i], 2
    local state = call('SET', name, 't', 'PX', tombKept, 'GET')
    if foreign[i] then
      call('SREM', KEYS[byte(form, 2)], leases[i])
      first = 3
    else
      gone[#gone + 1] = leases[i]
    end
    if state and state ~= 't' then
      local there = elsewhere(state, ARGV[base + byte(form)])
      if there then
        call('SET', name, 't' .. string.sub(state, 2), 'PX', tombKept)
        return there
      end
    end
    for at = first, #form do join(KEYS[byte(form, at)], i) end
    return 0
  end)
  flush(nil, false, 'ZREM')
  if #gone > 0 then call('SREM', KEYS[2], unpack(gone)) end
end

-- Mark leases as answered and move their deadlines.
if #confirms > 0 then
  local found, states, lost, deadlines, ends, done = call('MGET', unpack(names)), {}, {}, {}, {}, {}
  each(confirms, function(i)
    local state, form = found[confirms.begun], forms[i]
    states[i] = state
    if not state then
      lost[i] = true
      return 3
    end
    if byte(state) == 116 then return 2 end
    local loc, lasts = byte(form, 1, 2)
    local there = elsewhere(state, ARGV[base + loc])
    if there then return there end
    if not deadlines[lasts] then
      local deadline = now + ARGV[base + lasts]
      deadlines[lasts], ends[lasts] = string.format('%d', deadline), string.format('%d', deadline + ARGV[2])
    end
    scores[i] = deadlines[lasts]
    for at = 3, #form do join(KEYS[byte(form, at)], i) end
    return 1
  end)
  -- Where deadlines did not all move, some stand where they should already, or a lease is not in the set.
  flush(function(set, s)
    for n = 1, #s do
      if not call('ZSCORE', set, leases[s[n]]) then lost[s[n]] = true end
    end
  end, true, 'ZADD', 'XX', 'CH')
  for _, i in ipairs(confirms) do
    if replies[i] == 1 or replies[i] == 3 then done[#done + 1] = i end
  end
  each(done, function(i)
    local name, form = calls[i], forms[i]
    if not lost[i] then
      if byte(states[i]) == 101 then call('SETRANGE', name, '0', 'c' .. stamp) end
      call('PEXPIREAT', name, ends[byte(form, 2)])
      return 1
    end
    -- A call is in all of its sets or in none.
    for at = 3, #form do call('ZREM', KEYS[byte(form, at)], leases[i]) end
    call('DEL', name)
    return 3
  end)
end
if #admits == 0 then return replies end

-- Where in ARGV the caps to go by are: the newest version anyone has shown. false: none set.
local known = {}
local function capsOf(limits, a)
  local at = known[limits]
  if at and ARGV[at] == ARGV[a] then return at end
  local kept = at and ARGV[at] or at == nil and call('HGET', limits, 'v')
  if kept == ARGV[a] then
    at = a
  elseif tonumber(ARGV[a]) > tonumber(kept or 0) then
    call('HSET', limits, 'v', ARGV[a], 'i', ARGV[a + 1], 'o', ARGV[a + 2], 't', ARGV[a + 3], 'b', ARGV[a + 4], 'm', ARGV[a + 5])
    call('PEXPIRE', limits, ARGV[3])
    at = a
  elseif not at then
    at = false
    if kept then
      at = #ARGV + 1
      for n, cap in ipairs(call('HMGET', limits, 'v', 'i', 'o', 't', 'b', 'm')) do ARGV[at + n - 1] = cap end
    end
  end
  known[limits] = at
  return at
end

-- The leases in a set and those about to join it, with the line this call has already been promised there.
local size, promised, asking = {}, {}, nil
local function used(set)
  local n = size[set]
  if not n then
    n = call('ZCARD', set) + (sharers[set] and #sharers[set] or 0)
    size[set] = n
  end
  if promised[set] == asking then return n + 1 end
  return n
end

local function over(limit, used)
  if limit >= 0 and used > limit then return used - limit end
  return 0
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
local function take(i, form)
  local burst, claim = 0, 0
  for at = 2, #form, 5 do
    local lane, limits, into, out, caps = byte(form, at, at + 4)
    local outbound = lane == 111
    into, out, claim = KEYS[into], KEYS[out], claim + 1
    local mine = outbound and out or into
    if promised[mine] ~= i then
      caps = capsOf(KEYS[limits], #admits + 6 * caps + 1)
      local room, last = true, false
      if caps then room, last = free(into, out, outbound, caps) end
      if not room then
        -- It looks full: drop what has expired and look again.
        purge(into)
        purge(out)
        room, last = free(into, out, outbound, caps)
        if not room then
          call('DEL', calls[i])
          return claim
        end
      end
      if last and claim <= 32 then burst = burst + 2 ^ (claim - 1) end
      promised[mine] = i
    end
  end
  for at = 2, #form, 5 do
    local lane, _, into, out = byte(form, at, at + 3)
    local mine = KEYS[lane == 111 and out or into]
    if promised[mine] == i then
      promised[mine] = nil
      join(mine, i)
      if size[mine] then size[mine] = size[mine] + 1 end
    end
  end
  return burst == 0 and 0 or 4294967296 + burst
end

if call('EXISTS', KEYS[1]) == 1 then
  for _, i in ipairs(admits) do replies[i] = -3 end
  return replies
end
local early, kept = string.format('%d', now + ARGV[1]), string.format('%d', ARGV[1] + ARGV[2])
local adopted = {}
each(admits, function(i)
  local form, name = forms[i], calls[i]
  if not call('SET', name, 'e' .. stamp .. ARGV[base + byte(form)] .. infos[i], 'PX', kept, 'NX') then
    return byte(call('GET', name)) == 116 and -2 or -1
  end
  asking, scores[i] = i, early
  local done, reply = pcall(take, i, form)
  if not done then
    pcall(call, 'DEL', name)
    return fault(reply)
  end
  if reply == 0 or reply > 4294967295 then adopted[#adopted + 1] = leases[i] end
  return reply
end)
flush(nil, true, 'ZADD')
if #adopted > 0 then call('SADD', KEYS[2], unpack(adopted)) end
return replies
