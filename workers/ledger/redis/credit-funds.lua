--[[ credit-funds: a deposit becomes available, at most once by its id.
  KEYS[1] {s0}:ledger  KEYS[2] {s0}:credits  KEYS[3] {s0}:pools  KEYS[4] {s0}:entries  KEYS[5] {s0}:bal:<account>
  ARGV[1 … 3] what openLedger asks for  ARGV[4] operationId  ARGV[5] account  ARGV[6] asset
  ARGV[7] units, canonical decimal text, > 0  ARGV[8] timestampMs
  Returns {'CREDITED', available, sequence} | {'REPEATED', available, sequence}  the same credit exists: the first answer
          {'CREDIT_DIFFERS'} | {'POOL_LIMIT', units of all accounts together}
          or what openLedger refuses with
  Invariant: the pool, credited less debited, stays within 2^63 - 1, and so does whatever its units become. O(1). ]]
local ledgerKey, creditsKey, poolsKey, entriesKey, balanceKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local operationId, account, asset, units, timestampMs = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local sequence, refusal = openLedger(ledgerKey, ARGV[1], ARGV[2], ARGV[3])
if not sequence then return refusal end

local known = redis.call('HGET', creditsKey, operationId)
if known then
  local knownAccount, knownAsset, knownUnits, available, knownSequence = string.match(known, RECORD)
  if knownAccount == account and knownAsset == asset and knownUnits == units then
    return { 'REPEATED', available, knownSequence }
  end
  return { 'CREDIT_DIFFERS' }
end
redis.call('XLEN', entriesKey)
local pool = redis.call('HMGET', poolsKey, 'c' .. asset, 'd' .. asset)
local creditedHigh, creditedLow = parsed(pool[1] or '0')
local poolHigh, poolLow = sum(creditedHigh, creditedLow, negated(parsed(pool[2] or '0')))
local afterHigh, afterLow = sum(poolHigh, poolLow, parsed(units))
if afterHigh > MAX_HIGH or (afterHigh == MAX_HIGH and afterLow > MAX_LOW) then
  return { 'POOL_LIMIT', formatted(poolHigh, poolLow) }
end
local balance = balanceOf(balanceKey, asset)
local line = changed(balance, units, '0', 'deposit', operationId, account)
sequence = sequence + 1

begin(ledgerKey, sequence)
addMessage(entriesKey, sequence, timestampMs, { line })
write('HSET', poolsKey, 'c' .. asset, formatted(sum(creditedHigh, creditedLow, parsed(units))))
storeBalances()
write('HSET', creditsKey, operationId, table.concat({ account, asset, units, balance.available, whole(sequence) }, ' '))
finish(ledgerKey, sequence)
return { 'CREDITED', balance.available, whole(sequence) }
