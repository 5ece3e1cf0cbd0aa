--[[ read-ledger: where the ledger stands. Asks no epoch: it tells it.
  KEYS[1] {s0}:ledger
  Returns {'LEDGER', epoch, sequence, floor, sequence begun} | {'EMPTY'}
  A sequence begun that is not the sequence tells of a script that failed half-way. Writes nothing. O(1). ]]
local found = redis.call('HMGET', KEYS[1], 'epoch', 'sequence', 'floor', 'begun')
if not found[1] then return { 'EMPTY' } end
return { 'LEDGER', found[1], found[2], found[3], found[4] or '' }
