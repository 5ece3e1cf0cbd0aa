import type { Logger } from 'pino';
import { formatDecimal } from '../../core/money/decimal.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import type { Clock } from '../../core/ports/clock.ts';
import { type HoldAnswer, type Ledger, LedgerUnavailableError } from '../../core/ports/ledger.ts';
import { Side } from '../../core/protocol/kinds.ts';
import type { AccountSequences } from '../accounts/account-sequences.ts';
import { untilReached } from '../accounts/current-history.ts';
import { ApiError, tryLater } from '../rest/errors.ts';

export interface HoldRequest {
  readonly commandId: number;
  readonly accountId: number;
  readonly instrument: Instrument;
  readonly side: Side; // of which the need is: quote for a buy, base for a sell
  readonly units: bigint; // > 0
}

export interface OrderHoldParts {
  readonly ledger: Ledger;
  readonly sequences: AccountSequences;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Moves money from available to held before a command is published, together with using up its request's nonce. */
export class OrderHolds {
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #sequences: AccountSequences;

  constructor({ ledger, sequences, clock, logger }: OrderHoldParts) {
    this.#ledger = ledger;
    this.#sequences = sequences;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * @param what for the message of a refusal: "buy order on symbol …"
   * @returns the ledger's change sequence of the hold
   * @throws ApiError InsufficientFunds, or to try later; then nothing stays held
   */
  async hold(request: HoldRequest, what: string, nonceDurable: Promise<void>): Promise<number> {
    const { commandId } = request;
    const holding = this.#holdSettled(request);
    let answer: HoldAnswer;
    try {
      [answer] = await Promise.all([holding, nonceDurable]);
    } catch (error) {
      // What is known to have held nothing has nothing to give back; the ledger has told the log of itself.
      if (!(error instanceof LedgerUnavailableError && error.isOutcomeKnown)) this.#abandon(commandId, error);
      const reason = error instanceof LedgerUnavailableError ? `: the ledger can't be used now (${error.code})` : '';
      throw tryLater(`The order could not be taken, and nothing of it remains${reason}`);
    }
    if (answer.outcome === 'HELD' || answer.outcome === 'REPEATED') return answer.ledgerSequence;
    if (answer.outcome === 'INSUFFICIENT_FUNDS') throw insufficientFunds(request, what, answer.availableUnits);
    throw new Error(`the ledger answered ${answer.outcome} to the hold of command ${commandId}`);
  }

  /**
   * What a cancel or a fill has freed is the account's when it is answered, and in the ledger a moment later: a refusal
   * counts only once settlement has passed every event that the account had. It has written nothing, so that the same
   * hold can be asked for again.
   */
  async #holdSettled({ commandId, accountId, instrument, side, units }: HoldRequest): Promise<HoldAnswer> {
    const { assetId } = assetOf(instrument, side);
    const hold = () => this.#ledger.hold({ commandId, accountId, assetId, units, timestampMs: this.#clock.nowMs() });
    const wanted = this.#sequences.newest(accountId);
    const answer = await hold();
    if (answer.outcome !== 'INSUFFICIENT_FUNDS') return answer;
    await untilReached(wanted, () => this.#ledger.watermarks());
    return hold();
  }

  /** Nobody knows whether it was held. */
  #abandon(commandId: number, error: unknown): void {
    this.#logger.error({ commandId, err: error }, 'the hold of an order or its nonce failed');
    this.giveBack(commandId);
  }

  /**
   * For a command that will never be published, whether or not it holds anything: a release's tombstone refuses a hold
   * that comes later.
   */
  giveBack(commandId: number): void {
    this.#ledger.abandon(commandId, this.#clock.nowMs()).catch((releaseError: unknown) => {
      this.#logger.error(
        { commandId, err: releaseError },
        'an abandoned hold could not be released: the next start does it',
      );
    });
  }
}

/**
 * @param what as in hold()
 * @param availableUnits null when the ledger was not asked: no balance can ever be that large
 */
export function insufficientFunds(
  { instrument, side, units }: Pick<HoldRequest, 'instrument' | 'side' | 'units'>,
  what: string,
  availableUnits: bigint | null,
): ApiError {
  const { code, decimals } = assetOf(instrument, side);
  const available = availableUnits === null ? '' : `, ${formatDecimal(availableUnits, decimals)} available`;
  return new ApiError(
    'InsufficientFunds',
    `Failed to ${what} due to insufficient funds (${formatDecimal(units, decimals)} ${code} needed, fee included${available})`,
  );
}

function assetOf({ base, quote }: Instrument, side: Side) {
  return side === Side.BUY ? quote : base;
}
