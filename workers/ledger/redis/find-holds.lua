--[[ find-holds: what became of holds whose answers were lost.
  KEYS[1] {s0}:ledger  KEYS[2] {s0}:holds
  ARGV[1 … 3] what openLedger asks for  ARGV[4 …] commandIds
  Returns {'FOUND', record or '' …} in the order of the ids | what openLedger refuses with
  A record that is not there proves nothing yet: the lost call may still be on its way. Writes nothing. O(ids). ]]
local sequence, refusal = openLedger(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
if not sequence then return refusal end
local answer = { 'FOUND' }
for at = 4, #ARGV do answer[#answer + 1] = redis.call('HGET', KEYS[2], ARGV[at]) or '' end
return answer
