--[[ trim-changes: drop the messages of the stream that are archived, durably.
  KEYS[1] {s0}:ledger  KEYS[2] {s0}:entries
  ARGV[1 … 3] what openLedger asks for  ARGV[4] sequence that is archived, durably
  Returns {'TRIMMED', how many} | what openLedger refuses with
  Invariant: nothing beyond the archive is dropped. O(messages dropped). ]]
local sequence, refusal = openLedger(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
if not sequence then return refusal end
return { 'TRIMMED', whole(write('XTRIM', KEYS[2], 'MINID', '=', whole(tonumber(ARGV[4]) + 1) .. '-0')) }
