import { SnapshotReader } from '../core/journal/snapshot-reader.ts';
import type { ExchangeThreads, Recovered } from '../core/threads/exchange-threads.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { PartitionStoppedError } from '../workers/bus/feed-errors.ts';
import { releaseOrphanedHolds } from '../workers/ledger/orphan-release.ts';
import { SETTLEMENT } from '../workers/settlement/settlement-consumer.ts';
import type { Configuration } from './configuration.ts';
import type { ExchangeClock } from './exchange-clock.ts';
import type { ExchangeConsumers } from './exchange-consumers.ts';
import type { ExchangeFeed } from './exchange-feed.ts';
import type { ExchangeHooks } from './exchange-hooks.ts';
import type { ExchangeStores } from './exchange-stores.ts';
import type { ExchangeTransfers } from './exchange-transfers.ts';
import { readMarkets, requireSameMarkets } from './instruments-file.ts';

export interface RecoveryParts {
  readonly configuration: Configuration;
  readonly hooks: ExchangeHooks;
  readonly stores: ExchangeStores;
  readonly threads: ExchangeThreads;
  readonly clock: ExchangeClock;
  readonly gateway: Gateway;
  readonly feed: ExchangeFeed;
  readonly consumers: ExchangeConsumers;
  readonly transfers: ExchangeTransfers;
  readonly firstCommandId: number; // of this start
  /** From here on the gateway reads the event ring. */
  readonly readEvents: () => void;
  /** @returns once the event log holds that event: what a crash took from its end was written again by then */
  readonly eventLogReaches: (eventSequence: number) => Promise<void>;
}

/** Brings the exchange to where the data folder stands, before anything is served. */
export class ExchangeRecovery {
  readonly #parts: RecoveryParts;
  #recovered: Recovered | null = null;
  #orphansReleased: number | null = null;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  /** What the threads found in journal, event log and snapshots. Known once `run` has ended. */
  get recovered(): Recovered {
    return this.#recovered!;
  }

  /** Holds of commands that never reached the journal, given back; null until settlement has caught up with the start. */
  get orphansReleased(): number | null {
    return this.#orphansReleased;
  }

  /** @throws LedgerMismatchError, LedgerAheadError, ThreadFailure, DatabaseError, LedgerUnavailableError, … */
  async run(): Promise<void> {
    const { configuration, hooks, stores, threads, clock, gateway, feed, transfers } = this.#parts;
    const { consumers, readEvents, eventLogReaches } = this.#parts;
    const { dataFolder, journalSegmentMiB, snapshotEveryCommands } = configuration;
    const { onProgress, onFatal } = hooks;
    const recovered = await threads.start(
      {
        folder: dataFolder,
        limits: stores.limits,
        segmentBytes: journalSegmentMiB * 2 ** 20,
        useSnapshots: true,
        snapshotEveryCommands,
        onRestored: async (snapshot) => {
          if (snapshot !== null) await this.#beginAt(new SnapshotReader(snapshot.path));
          readEvents(); // not before: events of the replay belong behind those of the snapshot
        },
      },
      onProgress,
    );
    threads.onFailure(onFatal);
    this.#recovered = recovered;
    const { lastCommandSequence, lastEventSequence, lastTimestampMs, snapshot } = recovered.replayed;
    clock.notBefore(lastTimestampMs);
    await gateway.resume({ lastCommandSequence, lastEventSequence });
    await stores.exchangeLedger.begin(recovered.replayed);
    const heldWithdrawals = await transfers.recover();
    await eventLogReaches(lastEventSequence);
    await this.#seedMarkets();
    await consumers.begin();
    this.#releaseOrphans(lastEventSequence, heldWithdrawals);
    // The gateway waits for what an account's events have done to its balances, but has seen none from before here.
    const settled = feed.settledThrough(snapshot?.eventSequence ?? 0, SETTLEMENT).then(() => gateway.settledBegin());
    if (feed.bus === null) await stores.exchangeLedger.unlessAway(settled.catch(unlessPartitionStopped));
    else settled.catch(() => undefined); // a broker, or a worker behind it, may be away for long
    onProgress({ type: 'recovery-done', fromCommandSequence: snapshot?.commandSequence ?? 0, lastCommandSequence });
  }

  /** Brings the views to where the replay begins. What the snapshot does not tell of its orders is in the history. */
  async #beginAt(snapshot: SnapshotReader): Promise<void> {
    const { gateway, consumers } = this.#parts;
    gateway.beginAt(snapshot);
    await consumers.historyReaches(snapshot.state.eventSequence);
    await gateway.loadLiveOrders(snapshot);
  }

  /** Defines what is traded at the first start. Later the journal's rules hold, and a file that differs is refused. */
  async #seedMarkets(): Promise<void> {
    const { configuration, stores, gateway } = this.#parts;
    const { instrumentsFile } = configuration;
    const { database } = stores;
    if ((await database.readMeta('marketsSeeded')) === undefined) {
      await gateway.ensureMarkets(readMarkets(instrumentsFile));
      database.putMeta('marketsSeeded', 'yes');
      await database.commits.durable();
    } else if (instrumentsFile !== undefined) {
      requireSameMarkets(instrumentsFile, readMarkets(instrumentsFile), gateway.catalogue);
    }
  }

  #releaseOrphans(endSequenceAtStart: number, heldWithdrawals: ReadonlySet<number>): void {
    const { hooks, stores, feed, clock, firstCommandId } = this.#parts;
    const { ledger } = stores.exchangeLedger;
    const settings = { ledger, feed, clock, endSequenceAtStart, firstCommandId };
    releaseOrphanedHolds({ ...settings, heldWithdrawals }).then(
      ({ released }) => {
        this.#orphansReleased = released;
        if (released > 0) hooks.logger.warn({ released }, 'holds of commands that never reached the journal released');
      },
      // A failed feed has told of itself; a hold that stays is found again at the next start.
      (error: unknown) => hooks.logger.error({ err: error }, 'orphaned holds were not released'),
    );
  }
}

/** The others go on; balances are waited for as with a broker. @throws everything else */
function unlessPartitionStopped(error: Error): void {
  if (!(error instanceof PartitionStoppedError)) throw error;
}
