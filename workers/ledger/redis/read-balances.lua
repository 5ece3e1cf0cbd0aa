--[[ read-balances: all balances of an account, and the watermarks they are as of.
  KEYS[1] {s0}:ledger  KEYS[2] {s0}:watermarks  KEYS[3] {s0}:bal:<account>
  ARGV[1 … 3] what openLedger asks for
  Returns {'BALANCES', {partition, watermark, …}, {field, units, …}}, fields as in the balance's hash
          or what openLedger refuses with
  Writes nothing. O(assets of the account). ]]
local sequence, refusal = openLedger(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
if not sequence then return refusal end
return { 'BALANCES', redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]) }
