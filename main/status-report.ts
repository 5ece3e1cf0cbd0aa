import type { RefusedSnapshot } from '../core/threads/thread-messages.ts';
import type { ConsumerTrouble } from './consumer-reports.ts';
import type { LedgerPosition } from './exchange-ledger.ts';
import type { SnapshotSummary } from './snapshot-watch.ts';

/** Of the connection that publishes events. */
export interface BusStatus {
  readonly isConnected: boolean;
  readonly isBlocked: boolean; // the broker is short of memory or disk space: confirms come later
  readonly reason: string | null; // why it is not connected
  readonly publishedSequence: number; // through which the broker has had everything that the slowest consumer lacked
}

/** Who consumes the events, in this process or in another one. */
export interface ConsumerStatus {
  readonly consumer: string;
  readonly pid: number | null; // of its last process; null when it has never run
  readonly isRunning: boolean;
  readonly consumedSequence: number;
  readonly troubles: readonly ConsumerTrouble[];
}

/** What `GET /status` of the admin port answers. Sequences are the last ones; JSON numbers, all below 2^53. */
export interface StatusReport {
  readonly mode: 'sandbox' | 'production';
  readonly dataFolder: string;
  readonly uptimeMs: number;
  readonly commands: {
    readonly publishedSequence: number;
    readonly appliedSequence: number;
    readonly durableSequence: number;
  };
  readonly events: {
    readonly answeredSequence: number;
    readonly loggedSequence: number;
    readonly settledSequence: number;
    readonly historySequence: number;
    readonly klinesSequence: number;
  };
  readonly bus: BusStatus | null; // null without a broker
  readonly consumers: readonly ConsumerStatus[];
  readonly settlementWatermarks: readonly number[]; // by partition: its last settled event; none while the ledger is away
  readonly ledger: Omit<LedgerPosition, 'watermarks'>;
  readonly ordersInFlight: number;
  readonly restingOrders: number;
  readonly openSockets: number; // WebSockets of clients
  readonly isDiskFull: boolean;
  readonly lastSnapshot: SnapshotSummary | null; // the newest that this process has written
  readonly consumedSequence: number; // every consumer is durably past this event
  readonly start: {
    readonly stateHash: string;
    readonly restingOrders: number;
    readonly snapshot: SnapshotSummary | null; // where the replay began; null: at the first command
    readonly refusedSnapshots: readonly RefusedSnapshot[]; // newer ones, that could not be used
    readonly replayedCommands: number;
    readonly tornJournalFrames: number;
    readonly tornJournalBytes: number;
    readonly droppedEventFrames: number;
    readonly orphanedHoldsReleased: number | null; // null while settlement still catches up with the start
  };
}

/** @returns why new orders are refused now; none when they are taken */
export function troublesOf({ ledger, isDiskFull }: StatusReport): string[] {
  return [...(ledger.trouble === null ? [] : [ledger.trouble]), ...(isDiskFull ? ['the disk is full'] : [])];
}

/** @returns the report as lines for a person */
export function formatStatus(report: StatusReport): string {
  const { commands, events, start } = report;
  const lagEvents = events.loggedSequence - events.settledSequence;
  return [
    `ringbook, ${report.mode} mode, up ${Math.floor(report.uptimeMs / 1_000)} s, data in ${report.dataFolder}`,
    `commands   published ${commands.publishedSequence}, applied ${commands.appliedSequence}, durable ${commands.durableSequence}`,
    `events     answered ${events.answeredSequence}, logged ${events.loggedSequence}, settled ${events.settledSequence} (${lagEvents} behind), in history ${events.historySequence}, in candles ${events.klinesSequence}`,
    ...(report.bus === null ? [] : [formatBus(report.bus, events.loggedSequence)]),
    ...report.consumers.flatMap((consumer) => formatConsumer(consumer, report)),
    formatLedger(report.ledger),
    `orders     ${report.restingOrders} resting, ${report.ordersInFlight} in flight; ${report.openSockets} WebSockets open`,
    ...(report.isDiskFull ? ['disk       FULL: new orders are refused until there is space'] : []),
    `snapshot   ${report.lastSnapshot === null ? 'none written by this process yet' : `at command ${report.lastSnapshot.commandSequence}, ${report.lastSnapshot.restingOrders} orders: ${report.lastSnapshot.path}`}`,
    ...start.refusedSnapshots.map(({ path, reason }) => `passed over ${path}: ${reason}`),
    `this start ${start.replayedCommands} commands replayed from ${start.snapshot === null ? 'the beginning' : `the snapshot at command ${start.snapshot.commandSequence}`} to state ${start.stateHash}, ${start.restingOrders} orders resting; ` +
      `${start.tornJournalBytes} torn bytes dropped; orphaned holds released: ${start.orphanedHoldsReleased ?? 'not yet known'}`,
  ].join('\n');
}

function formatBus({ isConnected, isBlocked, reason, publishedSequence }: BusStatus, loggedSequence: number): string {
  if (!isConnected)
    return `RabbitMQ   AWAY: ${reason ?? 'no connection yet'}; trading goes on, events wait in the event log`;
  const waiting = `published ${publishedSequence} (${Math.max(0, loggedSequence - publishedSequence)} behind)`;
  return `RabbitMQ   ${waiting}${isBlocked ? ', BLOCKED: it is short of memory or disk space' : ''}`;
}

/** Of consumers in this process only those that have trouble: the others are what it does. */
function formatConsumer(
  { consumer, pid, isRunning, consumedSequence, troubles }: ConsumerStatus,
  { bus, events }: StatusReport,
): string[] {
  const behind = Math.max(0, events.loggedSequence - consumedSequence);
  const process = isRunning ? `process ${pid}` : 'NOT RUNNING: start it with `workers`';
  return [
    ...(bus === null ? [] : [`consumer   ${consumer} through ${consumedSequence} (${behind} behind), ${process}`]),
    ...troubles.map(
      ({ partition, trouble }) =>
        `           ${consumer}, ${partition === null ? 'all' : `partition ${partition}`}: ${trouble}`,
    ),
  ];
}

function formatLedger({ kind, epoch, trouble, ledgerSequence, archivedSequence }: StatusReport['ledger']): string {
  const counts =
    kind === 'embedded'
      ? `${ledgerSequence} changes`
      : `in Redis, epoch ${epoch}, ${ledgerSequence} changes, archived ${archivedSequence}`;
  return `ledger     ${counts}${trouble === null ? '' : `\n           CAN'T BE USED: ${trouble}`}`;
}
