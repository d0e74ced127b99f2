-- KEYS: lease, generation counter, stream. ARGV: owner, expiry in ms, group.
-- The counter outlives the lease, and starts at the clock's second, not at 1, should Redis
-- have lost its memory: so a generation never comes back, not even to owners that outlived it.
local holder = redis.call('HGET', KEYS[1], 'owner')
if holder and holder ~= ARGV[1] then
  return false
end
if not holder then
  local last = tonumber(redis.call('GET', KEYS[2]) or 0)
  local generation = math.max(last + 1, tonumber(redis.call('TIME')[1]))
  redis.call('SET', KEYS[2], generation)
  redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'generation', generation)
  local made = redis.pcall('XGROUP', 'CREATE', KEYS[3], ARGV[3], '0', 'MKSTREAM')
  if type(made) == 'table' and made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then
    return redis.error_reply(made.err)
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('HGET', KEYS[1], 'generation')
