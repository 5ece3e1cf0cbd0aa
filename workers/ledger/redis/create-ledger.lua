--[[ create-ledger: begin a ledger in a Redis that holds none.
  KEYS[1] {s0}:ledger, then every other key of it but balances
  ARGV[1] epoch, made by the caller for this ledger alone
  Returns {'CREATED'} | {'EXISTS', epoch}  that one is left as it is
          {'REMAINS', key}  a part of some ledger without its head: nothing is begun on top of it
  Invariant: no ledger is ever created twice. O(1). ]]
local ledgerKey = KEYS[1]
local found = redis.call('HGET', ledgerKey, 'epoch')
if found then return { 'EXISTS', found } end
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then return { 'REMAINS', key } end
end
write('HSET', ledgerKey, 'epoch', ARGV[1], 'sequence', '0', 'begun', '0', 'floor', '0')
return { 'CREATED' }
