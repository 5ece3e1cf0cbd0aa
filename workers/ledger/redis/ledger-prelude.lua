--[[ ledger-prelude: what the scripts of the ledger share. The registry puts it before each of them.

  Keys, all of one hash tag, so that they lie in one slot:
    {s0}:ledger        hash    epoch; sequence, the last change sequence given out; begun, the one being written;
                               floor, first command id of the newest start that opened it; starter, that start's name
    {s0}:bal:<account> hash    a<asset> available, h<asset> held: units as canonical decimal text
    {s0}:holds         hash    commandId -> 'account asset units available sequence': not met by settlement yet
    {s0}:closed        hash    commandId -> RELEASED | SETTLED | DEBITED: tombstones
    {s0}:closed-order  list    'commandId timestampMs' of the same, oldest first
    {s0}:credits, {s0}:debits  hash  operationId -> 'account asset units available sequence': every one there ever was
    {s0}:pools         hash    c<asset> credited, d<asset> debited, in all: decimal text, beyond 64 bits
    {s0}:watermarks    hash    partition -> event sequence
    {s0}:entries       stream  one message a change sequence, whose id is '<sequence>-0', until it is archived:
                               t timestampMs, b lines of
                                 E <reason> <operationId> <account> <asset> <available before> <after> <held before> <after>
                                 W <partition> <watermark>   C <commandId met by settlement>   T <commandId closed unheld>
                                 F <floor>

  Redis does not undo the writes of a script that fails. So every script reads and decides first, with every key read
  as its type, and then writes: `begun` first, the change sequence last. Should a write fail all the same, then the two
  differ, and every later call is answered HALF_DONE: nothing is ever decided or written on top of a half.

  Amounts are text from end to end: a Lua number loses digits above 2^53, and its text form above 1e14. In between they
  are two whole numbers, high * 10^10 + low with 0 <= low < 10^10, each far below 2^53; a negative one has a negative
  high. ]]
local BASE, BASE_DIGITS = 1e10, 10
local MAX_HIGH, MAX_LOW = 922337203, 6854775807 -- 2^63 - 1: all accounts together, for each asset
local TOMBSTONE_MS, MAX_TOMBSTONES, DROPPED_PER_CLOSE = 600000, 1048576, 2

local function write(...)
  return redis.call(...)
end

local function whole(number)
  return string.format('%.0f', number)
end

local function negated(high, low)
  if low == 0 then return -high, 0 end
  return -high - 1, BASE - low
end

local function parsed(text)
  if string.byte(text) == 45 then return negated(parsed(string.sub(text, 2))) end
  local length = #text
  if length <= BASE_DIGITS then return 0, tonumber(text) end
  return tonumber(string.sub(text, 1, length - BASE_DIGITS)), tonumber(string.sub(text, length - BASE_DIGITS + 1))
end

local function formatted(high, low)
  if high < 0 then return '-' .. formatted(negated(high, low)) end
  if high == 0 then return whole(low) end
  return string.format('%.0f%010.0f', high, low)
end

local function sum(high, low, otherHigh, otherLow)
  high, low = high + otherHigh, low + otherLow
  if low >= BASE then return high + 1, low - BASE end
  return high, low
end

-- Asks for the epoch, the highest change sequence that the caller knows, and its writer: the first command id of the
-- start that it is a part of. Returns sequence, floor; or nil and the answer of a call that must not go on:
-- {'STALE_EPOCH', epoch}, {'STALE_SEQUENCE', sequence}: this is not the ledger the caller knows;
-- {'STALE_WRITER', floor}: a later start has opened it; {'HALF_DONE', sequence begun}.
local function openLedger(ledgerKey, epoch, knownSequence, writer)
  local found = redis.call('HMGET', ledgerKey, 'epoch', 'sequence', 'floor', 'begun')
  if found[1] ~= epoch then return nil, { 'STALE_EPOCH', found[1] or '' } end
  local sequence, floor = tonumber(found[2]), tonumber(found[3])
  if tonumber(writer) < floor then return nil, { 'STALE_WRITER', found[3] } end
  if sequence < tonumber(knownSequence) then return nil, { 'STALE_SEQUENCE', found[2] } end
  if found[4] ~= found[2] then return nil, { 'HALF_DONE', found[4] or '' } end
  return sequence, floor
end

-- Balances as this call has read and changed them so far; nothing of it is stored before `storeBalances`.
local balances, changedBalances = {}, {}

local function balanceOf(key, asset)
  local name = key .. ' ' .. asset
  local balance = balances[name]
  if balance then return balance end
  local found = redis.call('HMGET', key, 'a' .. asset, 'h' .. asset)
  balance = { key = key, asset = asset, available = found[1] or '0', held = found[2] or '0' }
  balance.availableHigh, balance.availableLow = parsed(balance.available)
  balance.heldHigh, balance.heldLow = parsed(balance.held)
  balances[name] = balance
  return balance
end

-- Changes a balance by two signed amounts. Returns its line of the message, or nil when an amount would fall below zero.
local function changed(balance, availableDelta, heldDelta, reason, operationId, account)
  local availableHigh, availableLow = sum(balance.availableHigh, balance.availableLow, parsed(availableDelta))
  local heldHigh, heldLow = sum(balance.heldHigh, balance.heldLow, parsed(heldDelta))
  if availableHigh < 0 or heldHigh < 0 then
    return nil, formatted(availableHigh, availableLow), formatted(heldHigh, heldLow)
  end
  local available, held = formatted(availableHigh, availableLow), formatted(heldHigh, heldLow)
  local line = table.concat({ 'E', reason, operationId, account, balance.asset, balance.available, available,
    balance.held, held }, ' ')
  balance.available, balance.availableHigh, balance.availableLow = available, availableHigh, availableLow
  balance.held, balance.heldHigh, balance.heldLow = held, heldHigh, heldLow
  if not balance.isChanged then changedBalances[#changedBalances + 1] = balance end
  balance.isChanged = true
  return line
end

local function storeBalances()
  for _, balance in ipairs(changedBalances) do
    write('HSET', balance.key, 'a' .. balance.asset, balance.available, 'h' .. balance.asset, balance.held)
  end
end

local function begin(ledgerKey, sequence)
  write('HSET', ledgerKey, 'begun', whole(sequence))
end

local function finish(ledgerKey, sequence)
  write('HSET', ledgerKey, 'sequence', whole(sequence))
end

local function addMessage(entriesKey, sequence, timestampMs, lines)
  write('XADD', entriesKey, whole(sequence) .. '-0', 't', timestampMs, 'b', table.concat(lines, '\n'))
end

-- A tombstone refuses what comes late. Each drops two that are old, so that no call waits for many.
local function close(closedKey, closedOrderKey, commandId, outcome, timestampMs)
  if write('HSETNX', closedKey, commandId, outcome) == 0 then return end
  write('RPUSH', closedOrderKey, commandId .. ' ' .. timestampMs)
  for _ = 1, DROPPED_PER_CLOSE do
    local oldestId, oldestMs = string.match(redis.call('LINDEX', closedOrderKey, 0), '^(%d+) (%d+)$')
    local isOld = tonumber(oldestMs) + TOMBSTONE_MS <= tonumber(timestampMs)
    if not isOld and redis.call('LLEN', closedOrderKey) <= MAX_TOMBSTONES then return end
    write('LPOP', closedOrderKey)
    write('HDEL', closedKey, oldestId)
    if redis.call('LLEN', closedOrderKey) == 0 then return end
  end
end

local RECORD = '^(%d+) (%d+) (%d+) (%d+) (%d+)$' -- account, asset, units, available, sequence
