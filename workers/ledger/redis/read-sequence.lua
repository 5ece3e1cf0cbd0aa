--[[ read-sequence: the change sequence that the ledger stands at.
  KEYS[1] {s0}:ledger
  ARGV[1 … 3] what openLedger asks for
  Returns {'SEQUENCE', sequence} | what openLedger refuses with
  Writes nothing. O(1). ]]
local sequence, refusal = openLedger(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
if not sequence then return refusal end
return { 'SEQUENCE', whole(sequence) }
