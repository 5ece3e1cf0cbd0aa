--[[ hold-funds: move funds from available to held, for each of several commands on its own, at most once.
  KEYS[1] {s0}:ledger  KEYS[2] {s0}:holds  KEYS[3] {s0}:closed  KEYS[4] {s0}:entries  KEYS[5 …] {s0}:bal:<account>
  ARGV[1 … 3] what openLedger asks for, then for each hold six:
    commandId; place of its balance in KEYS; account; asset; units, canonical decimal text, > 0; timestampMs
  Returns {'OK', answer …}, an answer for each:
            {'HELD', available, sequence} | {'REPEATED', available, sequence}  the same hold exists: the first answer
            {'INSUFFICIENT_FUNDS', available} | {'HOLD_DIFFERS', units} | {'RELEASED'} | {'BELOW_FLOOR'}
          or what openLedger refuses with: nothing of the call was done
  Invariant: available + held is unchanged; neither falls below zero; a refusal has written nothing. O(holds). ]]
local ledgerKey, holdsKey, closedKey, entriesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local sequence, floor = openLedger(ledgerKey, ARGV[1], ARGV[2], ARGV[3])
if not sequence then return floor end

redis.call('XLEN', entriesKey)
local answers, opened, records, messages = { 'OK' }, {}, {}, {}

local function decide(commandId, balanceKey, account, asset, units, timestampMs)
  if tonumber(commandId) < floor then return { 'BELOW_FLOOR' } end
  local known = opened[commandId] or redis.call('HGET', holdsKey, commandId)
  if known then
    local knownAccount, knownAsset, knownUnits, available, knownSequence = string.match(known, RECORD)
    if knownAccount == account and knownAsset == asset and knownUnits == units then
      return { 'REPEATED', available, knownSequence }
    end
    return { 'HOLD_DIFFERS', knownUnits }
  end
  if redis.call('HEXISTS', closedKey, commandId) == 1 then return { 'RELEASED' } end
  local balance = balanceOf(balanceKey, asset)
  local line = changed(balance, '-' .. units, units, 'hold', commandId, account)
  if not line then return { 'INSUFFICIENT_FUNDS', balance.available } end
  sequence = sequence + 1
  local record = table.concat({ account, asset, units, balance.available, whole(sequence) }, ' ')
  opened[commandId] = record
  records[#records + 1], records[#records + 2] = commandId, record
  messages[#messages + 1] = { sequence, timestampMs, { line } }
  return { 'HELD', balance.available, whole(sequence) }
end

for at = 4, #ARGV, 6 do
  answers[#answers + 1] =
    decide(ARGV[at], KEYS[tonumber(ARGV[at + 1])], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
end
if #messages == 0 then return answers end

begin(ledgerKey, sequence)
for _, message in ipairs(messages) do addMessage(entriesKey, message[1], message[2], message[3]) end
storeBalances()
write('HSET', holdsKey, unpack(records))
finish(ledgerKey, sequence)
return answers
