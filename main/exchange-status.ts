import { CONTROL, widen } from '../core/threads/shared-control.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { EmbeddedFeed } from '../workers/bus/embedded-feed.ts';
import type { Configuration } from './configuration.ts';
import type { ExchangeClock } from './exchange-clock.ts';
import type { ExchangeRecovery } from './exchange-recovery.ts';
import type { ExchangeStores } from './exchange-stores.ts';
import type { SnapshotWatch } from './snapshot-watch.ts';
import type { StatusReport } from './status-report.ts';

export interface StatusParts {
  readonly configuration: Configuration;
  readonly stores: ExchangeStores;
  readonly control: Int32Array;
  readonly clock: ExchangeClock;
  readonly startedMs: number;
  readonly gateway: Gateway;
  readonly feed: EmbeddedFeed;
  readonly snapshots: SnapshotWatch;
  readonly recovery: ExchangeRecovery;
}

/** @returns where everything stands, for people and programs */
export async function reportStatus(parts: StatusParts): Promise<StatusReport> {
  const { configuration, stores, control, clock, startedMs, gateway, feed, snapshots, recovery } = parts;
  const { journal, replayed } = recovery.recovered;
  const { snapshot, refusedSnapshots } = replayed;
  const publishedSequence = gateway.lastCommandSequence;
  const { watermarks, ...ledger } = await stores.exchangeLedger.position();
  const consumed = (name: string): number =>
    feed.positions().find(({ consumer }) => consumer === name)?.consumedSequence ?? 0;
  return {
    mode: configuration.mode,
    dataFolder: configuration.dataFolder,
    uptimeMs: clock.nowMs() - startedMs,
    commands: {
      publishedSequence,
      appliedSequence: widen(Atomics.load(control, CONTROL.APPLIED_COMMAND), publishedSequence),
      durableSequence: widen(Atomics.load(control, CONTROL.DURABLE_COMMAND), publishedSequence),
    },
    events: {
      answeredSequence: gateway.lastEventSequence,
      loggedSequence: widen(Atomics.load(control, CONTROL.EVENT_LOG_END), gateway.lastEventSequence),
      settledSequence: consumed('settlement'),
      historySequence: consumed('history'),
      klinesSequence: consumed('klines'),
    },
    settlementWatermarks: watermarks,
    ledger,
    ordersInFlight: gateway.ordersInFlight,
    restingOrders: gateway.orders.restingCount,
    openSockets: gateway.socketCount,
    isDiskFull: Atomics.load(control, CONTROL.DISK_FULL) !== 0 || Atomics.load(control, CONTROL.LEDGER_DISK_FULL) !== 0,
    lastSnapshot: snapshots.last,
    consumedSequence: feed.durableSequence,
    start: {
      stateHash: replayed.stateHash,
      restingOrders: replayed.restingOrders,
      snapshot,
      refusedSnapshots,
      replayedCommands: replayed.lastCommandSequence - (snapshot?.commandSequence ?? 0),
      tornJournalFrames: journal.tornFrames,
      tornJournalBytes: journal.tornBytes,
      droppedEventFrames: journal.droppedEventFrames,
      orphanedHoldsReleased: recovery.orphansReleased,
    },
  };
}
