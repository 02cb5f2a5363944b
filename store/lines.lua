-- Counts the unexpired leases of lease sets.
-- KEYS lease sets   Reply one count each
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local counts = {}
for i, key in ipairs(KEYS) do counts[i] = redis.call('ZCOUNT', key, '(' .. string.format('%.0f', now), '+inf') end
return counts
