--[[ list-holds: holds that settlement has not met and whose command ids lie below a bound.
  KEYS[1] {s0}:ledger  KEYS[2] {s0}:holds
  ARGV[1 … 3] what openLedger asks for  ARGV[4] bound
  Returns {'HOLDS', {commandId, record, …}}, records as in the hash | what openLedger refuses with
  Writes nothing. O(open holds): asked once a start. ]]
local sequence, refusal = openLedger(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
if not sequence then return refusal end
local bound, holds = tonumber(ARGV[4]), redis.call('HGETALL', KEYS[2])
local found = {}
for at = 1, #holds, 2 do
  if tonumber(holds[at]) < bound then
    found[#found + 1] = holds[at]
    found[#found + 1] = holds[at + 1]
  end
end
return { 'HOLDS', found }
