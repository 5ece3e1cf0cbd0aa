import { partitionOf } from '../../core/ports/event-feed.ts';
import { EmbeddedLedger } from '../ledger/embedded-ledger.ts';
import { effectsOf } from '../settlement/legs.ts';
import { readEngineLimits } from '../storage/engine-limits.ts';
import type { ExchangeDatabase } from '../storage/exchange-database.ts';
import { repeatDecided, SandboxGrants } from './decided-transfers.ts';
import { ForwardSettlement } from './forward-settlement.ts';
import { JournalStory } from './journal-story.ts';
import { RebuildRefusedError } from './rebuild-errors.ts';

/** What a rebuild found and did in `exchange.sqlite`. */
export interface RebuiltLedger {
  readonly eventSequence: number; // the cut: settled through here, in every partition
  readonly ledgerSequence: number;
  readonly settledEvents: number; // that the ledger had not met
  readonly releasedHolds: number; // of commands that never reached the journal
  readonly entriesWritten: number;
  readonly correctedBalances: number; // those whose held amount was not what open orders need, each with its entry
}

export interface RebuildSteps {
  /** Called once everything was read and found sound, before the first change. */
  readonly beforeFirstChange: () => Promise<void>;
  /** @param share 0 … 1 of this part */
  readonly onProgress: (share: number) => void;
}

/**
 * Brings the ledger that `exchange.sqlite` tells of to the journal's end: what a lost ledger may have done since its last
 * archived change is done again, from transfers and journal alone, with the entries that belong to it. Then what is held
 * is compared with what open orders and withdrawals need. Every change is committed with its entries and watermarks, so
 * that a rebuild that was killed anywhere goes on when it is run again.
 * @param exchange of a stopped exchange, whose lock the caller has; nothing else is under way in it
 * @throws RebuildRefusedError, DatabaseError, and what a damaged journal is told by
 */
export async function rebuildInFile(
  exchange: ExchangeDatabase,
  dataFolder: string,
  { beforeFirstChange, onProgress }: RebuildSteps,
): Promise<RebuiltLedger> {
  const { database } = exchange;
  const story = await JournalStory.open(dataFolder, await readEngineLimits(database));
  const ledger = await EmbeddedLedger.open(exchange);
  const watermarks = await ledger.watermarks();
  const holds = new Set((await ledger.openHoldsBelow(Number.MAX_SAFE_INTEGER)).map(({ commandId }) => commandId));
  const from = Math.min(...watermarks);

  const met = new Set<number>(); // commands that settlement is still to meet
  const checked = await story.tell(
    from,
    async (events, catalogue) => {
      const unsettled = events.filter(
        (event) => event.eventSequence > watermarks[partitionOf(event, watermarks.length)]!,
      );
      for (const { commandId } of effectsOf(unsettled, catalogue).settledCommands) met.add(commandId);
    },
    (share) => onProgress(share / 2),
  );
  if (Math.max(...watermarks) > checked.eventSequence)
    throw new RebuildRefusedError(
      `exchange.sqlite has settled event ${Math.max(...watermarks)}, but the journal yields only ${checked.eventSequence} events: ` +
        'acknowledged commands are missing. Restore the journal folder that belongs to it',
    );

  await beforeFirstChange();
  const entriesBefore = await entryCount(exchange);
  const withdrawals = await repeatDecided(exchange, ledger, holds);
  let releasedHolds = 0;
  for (const { commandId } of await ledger.openHoldsBelow(Number.MAX_SAFE_INTEGER))
    if (!withdrawals.has(commandId) && !met.has(commandId)) {
      await ledger.release(commandId, Date.now());
      releasedHolds += 1;
    }
  const grants = await SandboxGrants.open(exchange, ledger);
  let settlement: ForwardSettlement | null = null;
  const end = await story.tell(
    from,
    async (events, catalogue) => {
      await grants.giveFor(catalogue);
      settlement ??= new ForwardSettlement(ledger, catalogue, watermarks, holds);
      await settlement.settle(events);
    },
    (share) => onProgress(0.5 + share / 2),
  );

  const needs = end.needs;
  for (const { accountId, assetId, units } of await ledger.openHoldsBelow(Number.MAX_SAFE_INTEGER))
    needs.add(accountId, assetId, units); // those of withdrawals: all others were met or given back
  const correctedBalances = await ledger.correctHeld(needs.rows(), end.eventSequence, Date.now());
  const ledgerSequence = Math.max(await ledger.ledgerSequence(), end.highestLedgerSequence);
  exchange.putMeta('ledgerSequence', String(ledgerSequence));
  await exchange.commits.durable();
  return {
    eventSequence: end.eventSequence,
    ledgerSequence,
    settledEvents: (settlement as ForwardSettlement | null)?.settledEvents ?? 0,
    releasedHolds,
    entriesWritten: (await entryCount(exchange)) - entriesBefore,
    correctedBalances,
  };
}

async function entryCount({ database }: ExchangeDatabase): Promise<number> {
  const rows = await database.all<{ count: number }>('SELECT count(*) AS count FROM entries');
  return rows[0]!.count;
}
