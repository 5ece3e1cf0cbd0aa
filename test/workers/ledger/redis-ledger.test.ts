import { ledgerContract } from './ledger-contract.ts';
import { openRedisLedger } from './redis-under-test.ts';

ledgerContract({ name: 'Redis ledger', open: () => openRedisLedger() });
