-- KEYS: lease, stream. ARGV: owner, generation, group, consumer, count, id.
-- Reading is fenced as committing is: an owner that was paused must not take
-- entries out of the new owner's sight.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1]
  or redis.call('HGET', KEYS[1], 'generation') ~= ARGV[2] then
  return redis.error_reply('FENCED lease lost')
end
local reply = redis.call('XREADGROUP', 'GROUP', ARGV[3], ARGV[4],
  'COUNT', ARGV[5], 'STREAMS', KEYS[2], ARGV[6])
if reply and reply[1] and #reply[1][2] > 0 then
  return { reply[1][2], '' }
end
-- Nothing there: say behind which entry to wait.
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
  local name, last
  for i = 1, #group, 2 do
    if group[i] == 'name' then name = group[i + 1] end
    if group[i] == 'last-delivered-id' then last = group[i + 1] end
  end
  if name == ARGV[3] then
    return { {}, last }
  end
end
return redis.error_reply('NOGROUP no such group')
