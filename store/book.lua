-- Books what a call on terms has cost and talked, once, before its lease is released. One that was never answered
-- costs nothing.
-- KEYS  per meter: hash, set; that of the minutes is the last
-- ARGV  1 lease  2 how many of the meters are bills; then per licence that holds: licence, minutes of it
-- Reply what was counted, per meter
local booked = {}
for i = 1, #KEYS, 2 do
  local n, text = 0, call('HGET', KEYS[i], ARGV[1])
  if text then
    local price, _, up = parse(text)
    if up ~= '' then
      n = price * begun(up, now)
      count(KEYS[i], n, i > 2 * ARGV[2] and 3 or nil)
    end
    call('HDEL', KEYS[i], ARGV[1])
  end
  call('ZREM', KEYS[i + 1], ARGV[1])
  booked[#booked + 1] = n
end
return booked
