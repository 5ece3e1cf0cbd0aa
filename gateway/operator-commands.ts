import { fail } from '../core/assert.ts';
import type { Asset } from '../core/money/asset.ts';
import type { Catalogue } from '../core/money/catalogue.ts';
import type { Markets } from '../core/money/default-markets.ts';
import type { Instrument } from '../core/money/instrument.ts';
import type { InstrumentUpdateFields } from '../core/protocol/command-encoder.ts';
import type { ExchangeEvent } from '../core/protocol/event-decoder.ts';
import { EventKind, type InstrumentState, RejectReason } from '../core/protocol/kinds.ts';
import { AdminError } from './admin/admin-route.ts';
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
  readonly #changing = new Set<Promise<ExchangeEvent>>();
  #updated: Promise<unknown> = Promise.resolve(); // the newest update, and with it all before
  #isOpen = true;

  constructor(publisher: CommandPublisher, outcomes: CommandOutcomes, commandIds: CommandIds, catalogue: Catalogue) {
    this.#publisher = publisher;
    this.#outcomes = outcomes;
    this.#commandIds = commandIds;
    this.#catalogue = catalogue;
  }

  /**
   * Defines the assets and instruments that the journal does not have: all at the first start of a data folder, the rest
   * when that start was cut short.
   * @returns once all of them are in the catalogue
   */
  async ensureMarkets({ assets, instruments }: Markets): Promise<void> {
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

  /** @throws AdminError: the core has no room, or id or code are taken; ApiError: no room in the ring, or a shutdown */
  async defineAsset(asset: Asset): Promise<void> {
    requireTaken(asset.code, await this.#change((origin) => this.#publisher.publishAsset(origin, asset)));
  }

  /** @throws as defineAsset */
  async defineInstrument(instrument: Instrument): Promise<void> {
    const event = await this.#change((origin) => this.#publisher.publishInstrument(origin, instrument));
    requireTaken(instrument.symbol, event);
  }

  /** @throws as defineAsset */
  async setInstrumentState(instrumentId: number, state: InstrumentState): Promise<void> {
    const change = { instrumentId, state };
    const event = await this.#change((origin) => this.#publisher.publishInstrumentState(origin, change));
    requireTaken(`instrument ${instrumentId}`, event);
  }

  /**
   * Changes the rules of an instrument. An update carries all of them, so one waits for the one before.
   * @param rules called when it is this one's turn; what it throws is what this rejects with
   * @throws as defineAsset
   */
  async updateInstrument(rules: () => InstrumentUpdateFields): Promise<void> {
    const before = this.#updated;
    const updating = before.then(async () => {
      const update = rules();
      const event = await this.#change((origin) => this.#publisher.publishInstrumentUpdate(origin, update));
      requireTaken(`instrument ${update.instrumentId}`, event);
    });
    this.#updated = updating.catch(() => {});
    return updating;
  }

  /**
   * Cancels every order of an instrument, whatever its state. Orders on their way may rest afterwards, unless it was
   * halted before.
   * @param accountId 0 for those of every account
   * @returns how many are gone
   * @throws as defineAsset
   */
  async cancelOrders(instrumentId: number, accountId: number): Promise<number> {
    const scope = { instrumentId, keyId: 0 };
    const event = await this.#change((origin) => this.#publisher.publishMassCancel({ ...origin, accountId }, scope));
    if (event.kind !== EventKind.MASS_CANCELLED) fail(`a mass cancel was answered by event kind ${event.kind}`);
    return event.cancelledOrders;
  }

  /** Tells the core what time it is. @returns when every order that is due is gone @throws as defineAsset */
  async advanceTime(): Promise<void> {
    await this.#change((origin) => this.#publisher.publishTime(origin));
  }

  /** From now on nothing is changed; what is on its way goes on. */
  close(): void {
    this.#isOpen = false;
  }

  /** @returns once no change is on its way any more */
  async idle(): Promise<void> {
    while (this.#changing.size > 0) await Promise.allSettled(this.#changing);
  }

  #change(publish: (origin: CommandOrigin) => number): Promise<ExchangeEvent> {
    if (!this.#isOpen) throw tryLater('The exchange is shutting down', 5);
    const changing = this.#run(publish).finally(() => this.#changing.delete(changing));
    this.#changing.add(changing);
    return changing;
  }

  async #run(publish: (origin: CommandOrigin) => number): Promise<ExchangeEvent> {
    if (!this.#publisher.tryReserve(1)) throw tryLater('The command ring is full; try again');
    const origin = { commandId: this.#commandIds.next(), accountId: 0, ledgerSequence: 0 };
    return this.#outcomes.lastEventOf(publish(origin));
  }
}

/** @throws AdminError when the core refused */
function requireTaken(name: string, event: ExchangeEvent): void {
  if (event.kind !== EventKind.DEFINITION_REJECTED) return;
  if (event.reason === RejectReason.CAPACITY)
    throw new AdminError('InvalidInput', `${name}: this data folder has no room for more of them`);
  if (event.reason === RejectReason.ALREADY_DEFINED)
    throw new AdminError('AlreadyDefined', `${name}: its id or name is taken; look again at what is defined`);
  throw new AdminError('InvalidInput', `${name} was refused by the core with reason ${event.reason}`);
}

function requireDefined(name: string, event: ExchangeEvent): void {
  if (event.kind === EventKind.DEFINITION_REJECTED)
    fail(`the core refused the definition of ${name} with reason ${event.reason}`);
}
