--[[ settle-legs: apply the legs of a partition's next events together with its watermark, each event once.
  KEYS[1] {s0}:ledger  KEYS[2] {s0}:holds  KEYS[3] {s0}:closed  KEYS[4] {s0}:closed-order  KEYS[5] {s0}:entries
  KEYS[6] {s0}:watermarks  KEYS[7 …] {s0}:bal:<account>
  ARGV[1 … 3] what openLedger asks for  ARGV[4] partition
  ARGV[5] sequence before the batch  ARGV[6] its last  ARGV[7] timestampMs  ARGV[8] how many legs, then for each seven:
    event sequence, ascending; place of its balance in KEYS; account; asset; signed change of available; of held; reason
  and for each command met two: commandId; sequence of the event that met it
  Returns {'APPLIED', watermark, sequence} | {'REPEATED', watermark, sequence}  all of it was applied before
          {'GAP', watermark}       events before this batch are missing: nothing was applied
          {'BROKEN', event, account, asset, available, held}  what would be, with one of them below zero: nothing applied
          or what openLedger refuses with
  Events at or below the watermark are trimmed. The caller has checked that each event's legs add up to zero in every
  asset, so that no sum can pass the pool's limit. Invariant: no amount falls below zero; watermarks never go back. O(legs). ]]
local ledgerKey, holdsKey, closedKey, closedOrderKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local entriesKey, watermarksKey = KEYS[5], KEYS[6]
local partition, lastSequence, timestampMs, legCount = ARGV[4], ARGV[6], ARGV[7], tonumber(ARGV[8])
local sequence, refusal = openLedger(ledgerKey, ARGV[1], ARGV[2], ARGV[3])
if not sequence then return refusal end

local storedWatermark = redis.call('HGET', watermarksKey, partition) or '0'
local watermark = tonumber(storedWatermark)
if tonumber(lastSequence) <= watermark then return { 'REPEATED', storedWatermark, whole(sequence) } end
if tonumber(ARGV[5]) > watermark then return { 'GAP', storedWatermark } end

redis.call('XLEN', entriesKey)
redis.call('HLEN', holdsKey)
redis.call('HLEN', closedKey)
redis.call('LLEN', closedOrderKey)
local lines, met, at = { 'W ' .. partition .. ' ' .. lastSequence }, {}, 9
for _ = 1, legCount do
  local eventSequence, account, asset = ARGV[at], ARGV[at + 2], ARGV[at + 3]
  if tonumber(eventSequence) > watermark then
    local balance = balanceOf(KEYS[tonumber(ARGV[at + 1])], asset)
    local line, available, held = changed(balance, ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], eventSequence, account)
    if not line then return { 'BROKEN', eventSequence, account, asset, available, held } end
    lines[#lines + 1] = line
  end
  at = at + 7
end
for place = at, #ARGV, 2 do
  if tonumber(ARGV[place + 1]) > watermark then
    met[#met + 1] = ARGV[place]
    lines[#lines + 1] = 'C ' .. ARGV[place]
  end
end
sequence = sequence + 1

begin(ledgerKey, sequence)
addMessage(entriesKey, sequence, timestampMs, lines)
storeBalances()
for _, commandId in ipairs(met) do
  write('HDEL', holdsKey, commandId)
  close(closedKey, closedOrderKey, commandId, 'SETTLED', timestampMs)
end
write('HSET', watermarksKey, partition, lastSequence)
finish(ledgerKey, sequence)
return { 'APPLIED', lastSequence, whole(sequence) }
