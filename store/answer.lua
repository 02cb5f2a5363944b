-- Notes that a call on terms is answered, the first time, and for how long its lease is granted, every time.
-- KEYS  hashes of the meters
-- ARGV  1 lease  2 ms until the deadline
for i = 1, #KEYS do
  local text = call('HGET', KEYS[i], ARGV[1])
  if text then
    local price, since, up = parse(text)
    if up == '' then up = format('%d', now) end
    call('HSET', KEYS[i], ARGV[1], price .. ' ' .. since .. ' ' .. up .. ' ' .. ARGV[2])
  end
end
return 0
