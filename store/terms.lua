-- Calls on terms: what they cost, and the minutes they use. This begins every script that deals with either.
-- A meter is a hash and a set. The hash has of each call that runs, by its lease: what a minute of it counts, since
-- when it runs (ms), and once it is answered when that was and for how long its lease was granted the last time (ms).
-- The set has their deadlines. As ~ the hash has a bound for all that run: since when the oldest may, a slash, the most
-- that a minute of one may count. What has been counted is in the hash, too: on a bill as s, in minor units; where
-- minutes are counted, by the licence they were used of.
local call, format = redis.call, string.format
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local function parse(text) return string.match(text, '^(%d+) (%d+) ?(%d*) ?(%-?%d*)$') end

local function begun(from, to) return math.max(1, math.ceil((to - from) / 60000)) end

-- Counts n: on the bill; or as minutes of the licences listed from ARGV[first] on, each with the minutes it has, the one
-- that ends first before the others. What no licence has is the last one's.
local function count(hash, n, first)
  if not first then
    if n > 0 then call('HINCRBY', hash, 's', format('%d', n)) end
    return
  end
  for a = first, #ARGV, 2 do
    local take = math.max(0, math.min(ARGV[a + 1] - (call('HGET', hash, ARGV[a]) or 0), n))
    if a + 2 > #ARGV then take = n end
    if take > 0 then call('HINCRBY', hash, ARGV[a], format('%d', take)) end
    n = n - take
  end
end

-- What the calls that run will have counted a minute from now. A call whose deadline was before gone is not given back
-- by anybody any more: it is counted here, up to when its lease was last granted, and one never answered is not.
local function running(hash, set, gone, first)
  local sum, oldest, highest, entries = 0, nil, 0, call('HGETALL', hash)
  for i = 1, #entries, 2 do
    local lease = entries[i]
    local price, since, up, granted = parse(entries[i + 1])
    if price then
      local deadline = call('ZSCORE', set, lease)
      if deadline and tonumber(deadline) > gone then
        sum = sum + price * (math.ceil((now - since) / 60000) + 1)
        oldest, highest = math.min(oldest or now, since), math.max(highest, price)
      else
        if up ~= '' then count(hash, price * begun(up, deadline and deadline - granted or up), first) end
        call('HDEL', hash, lease)
        call('ZREM', set, lease)
      end
    end
  end
  if oldest then
    call('HSET', hash, '~', format('%d/%d', oldest, highest))
  else
    call('HDEL', hash, '~')
  end
  return sum
end

-- More than what running may be, without a look at every call; nil where none is known to run. Then since when, and
-- the price.
local function bound(hash)
  local since, price = string.match(call('HGET', hash, '~') or '', '^(%d+)/(%d+)$')
  if not since then return nil end
  return call('HLEN', hash) * price * (math.ceil((now - since) / 60000) + 1), since, price
end
