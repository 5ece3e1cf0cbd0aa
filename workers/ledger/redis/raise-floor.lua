--[[ raise-floor: this start has the ledger from now on. Every hold below its first command id is refused, and every call
  of an earlier start: a process that was thought dead, or woke up on a copy of the data folder, does no harm.
  KEYS[1] {s0}:ledger  KEYS[2] {s0}:entries
  ARGV[1 … 3] what openLedger asks for; the writer is what the floor is raised to
  ARGV[4] highest floor that earlier starts of the same data folder may have raised
  ARGV[5] name of this start, made for it alone  ARGV[6] timestampMs
  Returns {'RAISED', sequence} | {'REPEATED', sequence}  this start has raised it before
          or what openLedger refuses with; {'STALE_WRITER', floor} also for a floor that another data folder raised
  Invariant: the floor never goes back, and no two starts share one. O(1). ]]
local ledgerKey, entriesKey = KEYS[1], KEYS[2]
local writer, raisedBefore, starter, timestampMs = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local sequence, floor = openLedger(ledgerKey, ARGV[1], ARGV[2], writer)
if not sequence then return floor end
if tonumber(writer) == floor and redis.call('HGET', ledgerKey, 'starter') == starter then
  return { 'REPEATED', whole(sequence) }
end
if floor > tonumber(raisedBefore) or floor >= tonumber(writer) then return { 'STALE_WRITER', whole(floor) } end
redis.call('XLEN', entriesKey)
sequence = sequence + 1

begin(ledgerKey, sequence)
addMessage(entriesKey, sequence, timestampMs, { 'F ' .. writer })
write('HSET', ledgerKey, 'floor', writer, 'starter', starter)
finish(ledgerKey, sequence)
return { 'RAISED', whole(sequence) }
