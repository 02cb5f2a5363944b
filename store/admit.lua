-- Takes one line for every claim of a call, or none.
-- KEYS  1 fence  2 tomb  3 call  4 own; then per claim: limits, inbound leases, outbound leases
-- ARGV  1 lease  2 loc  3 ms until the deadline  4 ms the call hash outlives it  5 info  6 ms to keep caps
--       then per claim: "o" or "i", version (0: none set), inbound, outbound, two-way, burst, max outbound
-- Reply 0 admitted, -1 known lease, -2 ended, -3 fenced, n > 0: claim n found no line
if redis.call('EXISTS', KEYS[1]) == 1 then return -3 end
if redis.call('EXISTS', KEYS[2]) == 1 then return -2 end
if redis.call('EXISTS', KEYS[3]) == 1 then return -1 end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local function over(limit, used)
  if limit < 0 then return 0 end
  if used > limit then return used - limit end
  return 0
end

-- The caps to go by: the newest version anyone has shown. nil: none set.
local function caps(key, a)
  local h = redis.call('HMGET', key, 'v', 'i', 'o', 't', 'b', 'm')
  local version = tonumber(ARGV[a + 1])
  if version > tonumber(h[1] or 0) then
    redis.call('HSET', key, 'v', ARGV[a + 1], 'i', ARGV[a + 2], 'o', ARGV[a + 3], 't', ARGV[a + 4], 'b', ARGV[a + 5], 'm', ARGV[a + 6])
    redis.call('PEXPIRE', key, ARGV[6])
    h = {0, ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 5], ARGV[a + 6]}
  elseif not h[1] then
    return nil
  end
  return tonumber(h[2]), tonumber(h[3]), tonumber(h[4]), tonumber(h[5]), tonumber(h[6])
end

-- Lines this call has already been promised, by lease set.
local taken = {}

-- Trunk arithmetic; what is used includes the call that asks.
local function free(into, out, outbound, ci, co, ct, cb, cm)
  local uin = redis.call('ZCARD', into) + (taken[into] or 0)
  local uout = redis.call('ZCARD', out) + (taken[out] or 0)
  if outbound then
    uout = uout + 1
    if cm >= 0 and uout > cm then return false end
    if over(co, uout) == 0 then return true end
  else
    uin = uin + 1
    if over(ci, uin) == 0 then return true end
  end
  return over(cb, over(ct, over(ci, uin) + over(co, uout))) == 0
end

local claims = (#KEYS - 4) / 3
for c = 1, claims do
  local k, a = 2 + c * 3, c * 7
  local outbound = ARGV[a] == 'o'
  local into, out = KEYS[k + 1], KEYS[k + 2]
  local mine = outbound and out or into
  if not taken[mine] then
    local ci, co, ct, cb, cm = caps(KEYS[k], a)
    if ci and not free(into, out, outbound, ci, co, ct, cb, cm) then
      -- It looks full: drop what has expired and look again.
      redis.call('ZREMRANGEBYSCORE', into, '-inf', now)
      redis.call('ZREMRANGEBYSCORE', out, '-inf', now)
      if not free(into, out, outbound, ci, co, ct, cb, cm) then return c end
    end
    taken[mine] = 1
  end
end

for key in pairs(taken) do redis.call('ZADD', key, now + ARGV[3], ARGV[1]) end
redis.call('HSET', KEYS[3], 'loc', ARGV[2], 'st', 'e', 'at', now, 'info', ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[3] + ARGV[4])
redis.call('SADD', KEYS[4], ARGV[1])
return 0
