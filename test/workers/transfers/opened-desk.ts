import type { Ledger } from '../../../core/ports/ledger.ts';
import type { TransferAnswer } from '../../../core/ports/transfers.ts';
import { EMBEDDED_ARCHIVE } from '../../../main/exchange-transfers.ts';
import { EmbeddedLedger } from '../../../workers/ledger/embedded-ledger.ts';
import { ExchangeDatabase } from '../../../workers/storage/exchange-database.ts';
import { raiseStartNumber } from '../../../workers/storage/start-number.ts';
import { SqliteTransferDesk } from '../../../workers/transfers/sqlite-transfer-desk.ts';
import { StuckTransfers } from '../../../workers/transfers/stuck-transfers.ts';
import { TransferStore } from '../../../workers/transfers/transfer-store.ts';

export const NOW = 1_760_000_000_000;
export const ALICE = 100;
export const BOB = 101;
export const USD = 1;
export const WAY = { network: 'bitcoin', address: '', memo: '', txHash: '' };

export interface OpenedDesk {
  readonly exchange: ExchangeDatabase;
  readonly desk: SqliteTransferDesk;
  readonly ledger: EmbeddedLedger;
  readonly store: TransferStore;
  readonly stuck: StuckTransfers;
  close(): Promise<void>;
}

/** A desk over the real ledger and database. @param front stands before the ledger, to fail now and then */
export async function openDesk(
  folder: string,
  front: (ledger: Ledger) => Ledger = (ledger) => ledger,
): Promise<OpenedDesk> {
  const exchange = await ExchangeDatabase.open(folder, (error) => {
    throw error;
  });
  const ledger = await EmbeddedLedger.open(exchange);
  let id = (await raiseStartNumber(exchange)) * 2 ** 32;
  await ledger.raiseFloor(id);
  const store = await TransferStore.open(exchange);
  const ids = { next: () => id++ };
  const clock = { nowMs: () => NOW };
  const desk = new SqliteTransferDesk({ store, ledger: front(ledger), archive: EMBEDDED_ARCHIVE, ids, clock });
  const stuck = new StuckTransfers({ desk, onRound: () => {} });
  const close = async (): Promise<void> => {
    await stuck.stop();
    await desk.close();
    await store.close();
    await exchange.close();
  };
  return { exchange, desk, ledger, store, stuck, close };
}

export function transferOf(answer: TransferAnswer) {
  if (!('transfer' in answer)) throw new Error(answer.outcome);
  return answer.transfer;
}

export async function balanceOf(ledger: Ledger, accountId: number): Promise<[available: bigint, held: bigint]> {
  const balance = (await ledger.balances(accountId)).balances.find(({ assetId }) => assetId === USD);
  return [balance?.availableUnits ?? 0n, balance?.heldUnits ?? 0n];
}
