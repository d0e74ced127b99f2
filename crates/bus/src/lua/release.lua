-- KEYS: lease. ARGV: owner, generation.
if redis.call('HGET', KEYS[1], 'owner') == ARGV[1]
  and redis.call('HGET', KEYS[1], 'generation') == ARGV[2] then
  return redis.call('DEL', KEYS[1])
end
return 0
