import { CONTROL, widen } from '../core/threads/shared-control.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Configuration } from './configuration.ts';
import { readConsumerReports } from './consumer-reports.ts';
import type { ExchangeClock } from './exchange-clock.ts';
import type { ExchangeFeed, FeedPosition } from './exchange-feed.ts';
import type { ExchangeRecovery } from './exchange-recovery.ts';
import type { ExchangeStores } from './exchange-stores.ts';
import type { SnapshotWatch } from './snapshot-watch.ts';
import type { ConsumerStatus, StatusReport } from './status-report.ts';

export interface StatusParts {
  readonly configuration: Configuration;
  readonly stores: ExchangeStores;
  readonly control: Int32Array;
  readonly clock: ExchangeClock;
  readonly startedMs: number;
  readonly gateway: Gateway;
  readonly feed: ExchangeFeed;
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
  const positions = feed.positions();
  const consumed = (name: string): number => positions.find(({ consumer }) => consumer === name)?.consumedSequence ?? 0;
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
    bus: feed.bus === null ? null : { ...feed.bus, publishedSequence: lowestPublished(positions) },
    consumers: consumersOf(configuration.dataFolder, positions),
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

function lowestPublished(positions: readonly FeedPosition[]): number {
  const published = positions.map(({ publishedSequence }) => publishedSequence ?? 0);
  return published.length === 0 ? 0 : Math.min(...published);
}

function consumersOf(dataFolder: string, positions: readonly FeedPosition[]): ConsumerStatus[] {
  const reports = new Map(readConsumerReports(dataFolder).map((report) => [report.consumer, report]));
  return positions.map(({ consumer, consumedSequence }) => {
    const report = reports.get(consumer);
    const pid = report?.pid ?? null;
    const isRunning = pid !== null && isAlive(pid);
    return { consumer, pid, isRunning, consumedSequence, troubles: report?.troubles ?? [] };
  });
}

/** A signal of zero only asks. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // somebody else's, alive
  }
}
