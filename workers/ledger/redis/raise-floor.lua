--[[ raise-floor: refuse from now on every hold below this id: a process that was thought dead does no harm.
  KEYS[1] {s0}:ledger  KEYS[2] {s0}:entries
  ARGV[1] epoch  ARGV[2] highest change sequence the caller knows  ARGV[3] first command id of the present start
  ARGV[4] timestampMs
  Returns {'RAISED', sequence} | {'REPEATED', sequence}  it is there already, or higher
          or what openLedger refuses with
  Invariant: the floor never goes back. O(1). ]]
local ledgerKey, entriesKey = KEYS[1], KEYS[2]
local sequence, floor = openLedger(ledgerKey, ARGV[1], ARGV[2])
if not sequence then return floor end
if tonumber(ARGV[3]) <= floor then return { 'REPEATED', whole(sequence) } end
redis.call('XLEN', entriesKey)
sequence = sequence + 1

begin(ledgerKey, sequence)
addMessage(entriesKey, sequence, ARGV[4], { 'F ' .. ARGV[3] })
write('HSET', ledgerKey, 'floor', ARGV[3])
finish(ledgerKey, sequence)
return { 'RAISED', whole(sequence) }
