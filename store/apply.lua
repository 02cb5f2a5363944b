-- Carries out a list of changes to the directory, all or none (after audit.lua).
-- KEYS  1 seq  2 changes  3 trail  4 claims  5 dependents  6 chain  7 beginning of the indexes
--       8… one hash of objects per kind
-- ARGV  1 plan (JSON: kinds in the order of KEYS, changes)  2 change entry
--       3, 4, 5 audit entry, its MAC, accounts  6, 7 how many change and audit entries to keep
-- Reply {"ok", seq, ms, {id, prev, hash}} | {"stale", n} | {"gone", n} | {"taken", n, claim} | {"missing", n, ref} | {"in_use", n}
--       n counts the plan's changes from 1
local plan = cjson.decode(ARGV[1])
local hash = {}
for i, kind in ipairs(plan.kinds) do hash[kind] = KEYS[7 + i] end

local function place(ref)
  local kind, id = string.match(ref, '^(%l+):(.*)$')
  return hash[kind], id
end

local function stored(ref)
  local key, id = place(ref)
  return redis.call('HGET', key, id)
end

-- What the list does as a whole.
local written, freed, delta = {}, {}, {}
for _, c in ipairs(plan.changes) do
  if not c.demand then written[c.ref] = c.value or false end
  for _, claim in ipairs(c.old_claims or {}) do freed[claim] = true end
  for _, ref in ipairs(c.old_requires or {}) do delta[ref] = (delta[ref] or 0) - 1 end
  for _, ref in ipairs(c.requires or {}) do delta[ref] = (delta[ref] or 0) + 1 end
end

-- Validate all of it before anything is written.
for n, c in ipairs(plan.changes) do
  local have = stored(c.ref)
  local version = have and tonumber(string.match(have, '^(%d+) ')) or 0
  if version ~= c.expect then
    if version == 0 and not c.demand then return {'gone', n} end
    return {'stale', n}
  end
end
local claimed = {}
for n, c in ipairs(plan.changes) do
  for _, claim in ipairs(c.claims or {}) do
    if claimed[claim] then return {'taken', n, claim} end
    claimed[claim] = true
    local holder = redis.call('HGET', KEYS[4], claim)
    if holder and holder ~= c.ref and not freed[claim] then return {'taken', n, claim} end
  end
  for _, ref in ipairs(c.requires or {}) do
    if written[ref] == false or (written[ref] == nil and not stored(ref)) then return {'missing', n, ref} end
  end
end
for n, c in ipairs(plan.changes) do
  if not c.value and not c.demand then
    local users = tonumber(redis.call('HGET', KEYS[5], c.ref) or 0) + (delta[c.ref] or 0)
    if users > 0 then return {'in_use', n} end
  end
end

-- Write.
for _, c in ipairs(plan.changes) do
  for _, claim in ipairs(c.old_claims or {}) do redis.call('HDEL', KEYS[4], claim) end
end
for _, c in ipairs(plan.changes) do
  local key, id = place(c.ref)
  if c.demand then
    -- Nothing is written.
  elseif c.value then
    redis.call('HSET', key, id, c.value)
  else
    redis.call('HDEL', key, id)
  end
  for _, claim in ipairs(c.claims or {}) do redis.call('HSET', KEYS[4], claim, c.ref) end
end
for ref, d in pairs(delta) do
  if d ~= 0 and redis.call('HINCRBY', KEYS[5], ref, d) <= 0 then redis.call('HDEL', KEYS[5], ref) end
end
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local seq = redis.call('INCR', KEYS[1])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], '*', 'seq', seq, 'at', ms, 'data', ARGV[2])
local entry = audit({trail = KEYS[3], chain = KEYS[6], index = KEYS[7]}, string.format('%.0f', seq), ms,
  {data = ARGV[3], mac = ARGV[4], accounts = ARGV[5], keep = tonumber(ARGV[7])})
return {'ok', seq, ms, entry}
