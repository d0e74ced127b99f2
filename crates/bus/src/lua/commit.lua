-- KEYS: lease, stream, dead letters. ARGV: owner, generation, group, bytes, reason, ids…
-- With a reason: the (one) entry is also written to the dead letters.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1]
  or redis.call('HGET', KEYS[1], 'generation') ~= ARGV[2] then
  return redis.error_reply('FENCED lease lost')
end
if ARGV[5] ~= '' then
  redis.call('XADD', KEYS[3], '*', 'f', ARGV[4], 'reason', ARGV[5])
end
-- unpack() is bounded by Lua's stack.
local first = 6
while first <= #ARGV do
  local last = math.min(first + 999, #ARGV)
  redis.call('XACK', KEYS[2], ARGV[3], unpack(ARGV, first, last))
  first = last + 1
end

-- Drop what every group is done with. XTRIM itself does not ask: it would take
-- unacknowledged entries as well, and their content is lost then. So the floor is
-- the oldest pending entry of any group, else the last one delivered.
local function older(a, b)
  local a1, a2 = string.match(a, '(%d+)-(%d+)')
  local b1, b2 = string.match(b, '(%d+)-(%d+)')
  a1, a2, b1, b2 = tonumber(a1), tonumber(a2), tonumber(b1), tonumber(b2)
  return a1 < b1 or (a1 == b1 and a2 < b2)
end
local floor
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
  local fields = {}
  for i = 1, #group, 2 do fields[group[i]] = group[i + 1] end
  local oldest = fields['last-delivered-id']
  if fields['pending'] > 0 then
    oldest = redis.call('XPENDING', KEYS[2], fields['name'])[2]
  end
  if not floor or older(oldest, floor) then floor = oldest end
end
if floor then
  redis.call('XTRIM', KEYS[2], 'MINID', '~', floor)
end
return redis.status_reply('OK')
