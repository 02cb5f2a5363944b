-- Appends an entry to the audit trail. The scripts that write begin with this.
-- trail   stream, ids "ms-number": seq, acc (accounts), data, mac, prev, hash
-- chain   hash: n, ms, hash of the newest entry, first (number of the oldest kept)
-- index   the beginning of the keys of each account's index: a sorted set of
--         ids by number. They lie in the slot of the other keys.
-- Each entry's hash covers the one before it, so that none can be changed, taken
-- out or moved.
local function audit(keys, seq, ms, entry)
  local last = redis.call('HMGET', keys.chain, 'n', 'ms', 'hash')
  local n = (tonumber(last[1] or 0) or 0) + 1
  local at = math.max(ms, tonumber(last[2] or 0) or 0)
  local prev = last[3] or ''
  local id = string.format('%.0f-%.0f', at, n)
  local hash = redis.sha1hex(table.concat({prev, id, seq, entry.accounts, entry.mac, entry.data}, '\n'))
  redis.call('XADD', keys.trail, id, 'seq', seq, 'acc', entry.accounts, 'data', entry.data, 'mac', entry.mac, 'prev', prev, 'hash', hash)
  redis.call('HSET', keys.chain, 'n', n, 'ms', at, 'hash', hash)
  if n == 1 then redis.call('HSET', keys.chain, 'first', 1) end
  for account in string.gmatch(entry.accounts, '%S+') do redis.call('ZADD', keys.index .. account, n, id) end

  local over = redis.call('XLEN', keys.trail) - entry.keep
  if over > 0 then
    for _, old in ipairs(redis.call('XRANGE', keys.trail, '-', '+', 'COUNT', math.min(over, 8))) do
      for account in string.gmatch(old[2][4], '%S+') do redis.call('ZREM', keys.index .. account, old[1]) end
      redis.call('XDEL', keys.trail, old[1])
      redis.call('HSET', keys.chain, 'first', string.match(old[1], '%-(%d+)$') + 1)
    end
  end
  return {id, prev, hash}
end
