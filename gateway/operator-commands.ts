import { fail } from '../core/assert.ts';
import type { Catalogue } from '../core/money/catalogue.ts';
import { defaultMarkets } from '../core/money/default-markets.ts';
import type { ExchangeEvent } from '../core/protocol/event-decoder.ts';
import { EventKind } from '../core/protocol/kinds.ts';
import type { CommandIds } from './orders/command-ids.ts';
import type { CommandOutcomes } from './orders/command-outcomes.ts';
import type { CommandOrigin, CommandPublisher } from './orders/command-publisher.ts';
import { tryLater } from './rest/errors.ts';

/** The state of the core after one command, which every later replay must reach again. */
export interface Checkpoint {
  readonly stateHash: string; // 16 hex digits
  readonly restingOrders: number;
  readonly commandSequence: number;
  readonly eventSequence: number;
}

/** Commands that no client sends: what is traded here, and proofs of the core's state. */
export class OperatorCommands {
  readonly #publisher: CommandPublisher;
  readonly #outcomes: CommandOutcomes;
  readonly #commandIds: CommandIds;
  readonly #catalogue: Catalogue;

  constructor(publisher: CommandPublisher, outcomes: CommandOutcomes, commandIds: CommandIds, catalogue: Catalogue) {
    this.#publisher = publisher;
    this.#outcomes = outcomes;
    this.#commandIds = commandIds;
    this.#catalogue = catalogue;
  }

  /**
   * Defines the default assets and instruments that the journal does not have: all at the first start of a data folder,
   * the rest when that start was cut short, none later.
   * @returns once all of them are in the catalogue
   */
  async ensureDefaultMarkets(): Promise<void> {
    const { assets, instruments } = defaultMarkets();
    for (const asset of assets) {
      if (this.#catalogue.asset(asset.assetId) !== undefined) continue;
      requireDefined(asset.code, await this.#run((origin) => this.#publisher.publishAsset(origin, asset)));
    }
    for (const instrument of instruments) {
      if (this.#catalogue.instrument(instrument.instrumentId) !== undefined) continue;
      const event = await this.#run((origin) => this.#publisher.publishInstrument(origin, instrument));
      requireDefined(instrument.symbol, event);
    }
  }

  /** Asks the core for its state hash, durably. @throws ApiError when the command ring is full */
  async checkpoint(): Promise<Checkpoint> {
    const event = await this.#run((origin) => this.#publisher.publishCheckpoint(origin));
    if (event.kind !== EventKind.CHECKPOINTED) fail(`a checkpoint was answered by event kind ${event.kind}`);
    const { stateHash, restingOrders, commandSequence, eventSequence } = event;
    return { stateHash, restingOrders, commandSequence, eventSequence };
  }

  async #run(publish: (origin: CommandOrigin) => number): Promise<ExchangeEvent> {
    if (!this.#publisher.tryReserve(1)) throw tryLater('The command ring is full; try again');
    const origin = { commandId: this.#commandIds.next(), accountId: 0, ledgerSequence: 0 };
    return this.#outcomes.lastEventOf(publish(origin));
  }
}

function requireDefined(name: string, event: ExchangeEvent): void {
  if (event.kind === EventKind.DEFINITION_REJECTED)
    fail(`the core refused the definition of ${name} with reason ${event.reason}`);
}
