--[[ restore-ledger: make what was loaded the ledger of this epoch: the last step of a rebuild.
  KEYS[1] {s0}:ledger
  ARGV[1] epoch, made for this rebuild alone  ARGV[2] change sequence  ARGV[3] floor
  Returns {'RESTORED'} | {'EXISTS', epoch}  somebody began a ledger meanwhile: nothing was done
  Invariant: until this is done there is no ledger, and nobody can use what was loaded. O(1). ]]
local found = redis.call('HGET', KEYS[1], 'epoch')
if found then return { 'EXISTS', found } end
write('HSET', KEYS[1], 'epoch', ARGV[1], 'sequence', ARGV[2], 'begun', ARGV[2], 'floor', ARGV[3])
return { 'RESTORED' }
