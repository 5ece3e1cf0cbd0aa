--[[ read-changes: the next messages of the stream, in order, for the archive.
  KEYS[1] {s0}:ledger  KEYS[2] {s0}:entries
  ARGV[1 … 3] what openLedger asks for  ARGV[4] sequence that is archived
  ARGV[5] how many at most
  Returns {'CHANGES', sequence of the ledger, {id, {field, value, …}} …} | what openLedger refuses with
  Messages beyond the sequence, of a script that failed half-way, are never read. Writes nothing. O(messages). ]]
local sequence, refusal = openLedger(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
if not sequence then return refusal end
local answer = { 'CHANGES', whole(sequence) }
local messages = redis.call('XRANGE', KEYS[2], '(' .. ARGV[4] .. '-0', whole(sequence) .. '-0', 'COUNT', ARGV[5])
for _, message in ipairs(messages) do answer[#answer + 1] = message end
return answer
