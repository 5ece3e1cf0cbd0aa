/** Of ledgers in Redis that tests open. */
export const EPOCH = 'epoch-of-the-tests';
export const LEDGER_SETTINGS = { partitionCount: 8, epoch: EPOCH, knownSequence: 0, writer: 2 ** 52 };
