--[[ read-ledger: where the ledger stands. Asks no epoch: it tells it.
  KEYS[1] {s0}:ledger  KEYS[2] {s0}:entries
  Returns {'LEDGER', epoch, sequence, floor, last id of the stream} | {'EMPTY'}
  A last id that is not '<sequence>-0' tells of a script that failed half-way. (A stream that never was has none.) O(1). ]]
local ledgerKey, entriesKey = KEYS[1], KEYS[2]
local found = redis.call('HMGET', ledgerKey, 'epoch', 'sequence', 'floor')
if not found[1] then return { 'EMPTY' } end
local lastId = found[2] .. '-0'
if redis.call('EXISTS', entriesKey) == 1 then
  local facts = redis.call('XINFO', 'STREAM', entriesKey)
  for at = 1, #facts, 2 do
    if facts[at] == 'last-generated-id' then lastId = facts[at + 1] end
  end
end
return { 'LEDGER', found[1], found[2], found[3], lastId }
