import { LedgerUnavailableError } from '../core/ports/ledger.ts';
import { auditDataFolder } from '../workers/audit/audit.ts';
import type { AuditReport } from '../workers/audit/check-report.ts';
import { ArchiveGapError, LedgerArchive } from '../workers/ledger/redis/ledger-archive.ts';
import { compareWithArchive, type LedgerComparison } from '../workers/ledger/redis/redis-comparison.ts';
import { RedisRestore } from '../workers/ledger/redis/redis-restore.ts';
import { type RebuiltLedger, rebuildInFile } from '../workers/rebuild/rebuild-ledger.ts';
import { ExchangeDatabase } from '../workers/storage/exchange-database.ts';
import { type FolderLedger, moveFolderLedger, readFolderLedger } from '../workers/storage/folder-ledger.ts';
import { readRaisedFloor } from '../workers/storage/start-number.ts';
import { openStoppedLedger } from './stopped-ledger.ts';

export interface LedgerRebuildSettings {
  readonly dataFolder: string; // of a stopped exchange: the caller has its lock
  readonly redisUrl: string | undefined;
  readonly to: FolderLedger['kind'];
  readonly mayReplaceForeign: boolean;
  readonly onProgress: (step: string, share: number) => void;
  readonly onWarning: (warning: string) => void;
}

/** What a rebuild did, and whether everything agrees afterwards. Plain JSON. */
export interface LedgerRebuildReport extends RebuiltLedger {
  readonly ok: boolean;
  readonly to: FolderLedger['kind'];
  readonly epoch: string | null; // of the ledger in Redis
  readonly archivedFirst: number | null; // changes that the old Redis still had; null when it could not be asked
  readonly comparedFacts: number; // of Redis with exchange.sqlite, one by one
  readonly findings: readonly string[]; // of the comparison and of the audit; none when ok
}

/**
 * Rebuilds the ledger of a stopped exchange from journal and transfers, and proves it: what Redis then has is compared
 * with exchange.sqlite, and that with a replay of the journal. Until it has ended no exchange starts on the folder; run
 * again after any interruption, it goes on.
 * @throws RebuildRefusedError, ForeignLedgerError, LedgerUnavailableError, LedgerPausedError, DatabaseError
 */
export async function rebuildLedger(settings: LedgerRebuildSettings): Promise<LedgerRebuildReport> {
  const { dataFolder, redisUrl, to, onProgress } = settings;
  const exchange = await ExchangeDatabase.open(dataFolder, (error) => {
    throw error;
  });
  let rebuilt: RebuiltLedger;
  let archivedFirst: number | null;
  let moved: FolderLedger | null = null;
  let comparison: LedgerComparison | null = null;
  try {
    const stored = await readFolderLedger(exchange.database);
    const restore = to === 'redis' ? await openRestore(exchange, stored, settings) : null;
    try {
      onProgress('archiving what Redis still has', 0);
      archivedFirst = stored?.kind === 'redis' ? await archiveRest(exchange, stored.epoch, redisUrl) : null;
      rebuilt = await rebuildInFile(exchange, dataFolder, {
        beforeFirstChange: async () => {
          moved = await moveFolderLedger(exchange, to);
        },
        onProgress: (share) => onProgress('replaying the journal', share),
      });
      await exchange.commits.change('DELETE FROM closed_holds', []); // everything late is below the floor
      const ledger = moved as FolderLedger | null;
      if (restore !== null && ledger?.kind === 'redis') {
        await restore.load(exchange, ledger.epoch, (share) => onProgress('loading Redis', share));
        onProgress('comparing Redis with exchange.sqlite', 0);
        comparison = await compare(exchange, ledger.epoch, redisUrl!);
      }
    } finally {
      restore?.close();
    }
  } finally {
    await exchange.close();
  }
  const audit = await auditDataFolder(dataFolder, {
    ledgerComparison: comparison,
    onProgress: (stage, percent) => onProgress(`auditing: ${stage}`, percent / 100),
  });
  const epoch = (moved as { epoch?: string } | null)?.epoch ?? null;
  const comparedFacts = (comparison as LedgerComparison | null)?.checked ?? 0;
  return { ok: audit.ok, to, epoch, archivedFirst, ...rebuilt, comparedFacts, findings: findingsOf(audit) };
}

async function openRestore(
  exchange: ExchangeDatabase,
  stored: FolderLedger | null,
  settings: LedgerRebuildSettings,
): Promise<RedisRestore> {
  return RedisRestore.open({
    url: settings.redisUrl!,
    knownEpochs: [...(stored?.formerEpochs ?? []), ...(stored?.kind === 'redis' ? [stored.epoch] : [])],
    raisedFloor: await readRaisedFloor(exchange.database),
    mayReplaceForeign: settings.mayReplaceForeign,
    onWarning: settings.onWarning,
  });
}

/**
 * Whatever of the old ledger can be read is history, and is kept as it was.
 * @returns how many changes; null when there is none that could be read
 */
async function archiveRest(exchange: ExchangeDatabase, epoch: string, url: string | undefined): Promise<number | null> {
  if (url === undefined) return null;
  const knownSequence = Number((await exchange.readMeta('ledgerSequence')) ?? '0');
  if (knownSequence === 0) return null; // nothing was ever archived: an empty Redis would be taken for a new one
  try {
    const ledger = await openStoppedLedger(exchange, epoch, url);
    try {
      const archive = await LedgerArchive.open(exchange, ledger, () => {});
      while (await archive.step());
      return archive.archivedSequence - knownSequence;
    } finally {
      ledger.close();
    }
  } catch (error) {
    if (error instanceof LedgerUnavailableError || error instanceof ArchiveGapError) return null;
    throw error;
  }
}

async function compare(exchange: ExchangeDatabase, epoch: string, url: string): Promise<LedgerComparison> {
  const ledger = await openStoppedLedger(exchange, epoch, url);
  try {
    return await compareWithArchive(exchange, ledger);
  } finally {
    ledger.close();
  }
}

function findingsOf(audit: AuditReport): string[] {
  return audit.statements.flatMap(({ findings }) => [...findings]);
}
