--[[ debit-funds: take a whole hold out of the ledger, at most once by its id: a withdrawal that was held for is done.
  KEYS[1] {s0}:ledger  KEYS[2] {s0}:holds  KEYS[3] {s0}:closed  KEYS[4] {s0}:closed-order  KEYS[5] {s0}:entries
  KEYS[6] {s0}:debits  KEYS[7] {s0}:pools
  KEYS[8] {s0}:bal:    what the hold's account is put behind: only its record tells whose balance it is
  ARGV[1 … 3] what openLedger asks for  ARGV[4] id of the hold  ARGV[5] timestampMs
  Returns {'DEBITED', units, sequence} | {'REPEATED', units, sequence}  debited before: the first answer
          {'NOT_HELD'}  there is no such hold, or it was given back: nothing was taken
          or what openLedger refuses with
  Invariant: held and pool fall by the same units, neither below zero. O(1). ]]
local ledgerKey, holdsKey, closedKey, closedOrderKey, entriesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local debitsKey, poolsKey, operationId, timestampMs = KEYS[6], KEYS[7], ARGV[4], ARGV[5]
local sequence, refusal = openLedger(ledgerKey, ARGV[1], ARGV[2], ARGV[3])
if not sequence then return refusal end

local done = redis.call('HGET', debitsKey, operationId)
if done then
  local _, _, units, _, doneSequence = string.match(done, RECORD)
  return { 'REPEATED', units, doneSequence }
end
local known = redis.call('HGET', holdsKey, operationId)
if not known then return { 'NOT_HELD' } end
redis.call('HLEN', closedKey)
redis.call('LLEN', closedOrderKey)
redis.call('XLEN', entriesKey)
local account, asset, units = string.match(known, RECORD)
local balance = balanceOf(KEYS[8] .. account, asset)
local line = changed(balance, '0', '-' .. units, 'withdrawal', operationId, account)
if not line then return redis.error_reply('BROKEN hold ' .. operationId .. ' is larger than what its account holds') end
local debitedHigh, debitedLow = parsed(redis.call('HGET', poolsKey, 'd' .. asset) or '0')
sequence = sequence + 1

begin(ledgerKey, sequence)
addMessage(entriesKey, sequence, timestampMs, { line })
write('HSET', poolsKey, 'd' .. asset, formatted(sum(debitedHigh, debitedLow, parsed(units))))
storeBalances()
write('HDEL', holdsKey, operationId)
close(closedKey, closedOrderKey, operationId, 'DEBITED', timestampMs)
write('HSET', debitsKey, operationId, table.concat({ account, asset, units, balance.available, whole(sequence) }, ' '))
finish(ledgerKey, sequence)
return { 'DEBITED', units, whole(sequence) }
