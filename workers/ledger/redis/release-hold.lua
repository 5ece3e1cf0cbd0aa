--[[ release-hold: give a whole hold back that no command used; of an unknown id leave a tombstone that refuses it later.
  KEYS[1] {s0}:ledger  KEYS[2] {s0}:holds  KEYS[3] {s0}:closed  KEYS[4] {s0}:closed-order  KEYS[5] {s0}:entries
  KEYS[6] {s0}:bal:    what the hold's account is put behind: only its record tells whose balance it is
  ARGV[1 … 3] what openLedger asks for  ARGV[4] commandId  ARGV[5] timestampMs
  Returns {'RELEASED', units, sequence}
          {'REPEATED', sequence}  released before, or never held: the tombstone stands, at that sequence or before it
          {'SETTLED'}  settlement or a withdrawal owns this hold already: nothing was moved
          or what openLedger refuses with
  Invariant: available + held is unchanged; what is not a first release has moved nothing. O(1). ]]
local ledgerKey, holdsKey, closedKey, closedOrderKey, entriesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local commandId, timestampMs = ARGV[4], ARGV[5]
local sequence, refusal = openLedger(ledgerKey, ARGV[1], ARGV[2], ARGV[3])
if not sequence then return refusal end

local closed = redis.call('HGET', closedKey, commandId)
if closed == 'RELEASED' then return { 'REPEATED', whole(sequence) } end
if closed then return { 'SETTLED' } end
redis.call('LLEN', closedOrderKey)
redis.call('XLEN', entriesKey)
local known = redis.call('HGET', holdsKey, commandId)
local line, units = 'T ' .. commandId, nil
if known then
  local account, asset
  account, asset, units = string.match(known, RECORD)
  line = changed(balanceOf(KEYS[6] .. account, asset), units, '-' .. units, 'release', commandId, account)
  if not line then return redis.error_reply('BROKEN hold ' .. commandId .. ' is larger than what its account holds') end
end
sequence = sequence + 1

begin(ledgerKey, sequence)
addMessage(entriesKey, sequence, timestampMs, { line })
storeBalances()
if known then write('HDEL', holdsKey, commandId) end
close(closedKey, closedOrderKey, commandId, 'RELEASED', timestampMs)
finish(ledgerKey, sequence)
return known and { 'RELEASED', units, whole(sequence) } or { 'REPEATED', whole(sequence) }
