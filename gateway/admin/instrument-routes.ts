import { z } from 'zod';
import { type Asset, assetProblem } from '../../core/money/asset.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { tryParseDecimal } from '../../core/money/decimal.ts';
import { DEFAULT_MAKER_RATE_PPM, DEFAULT_TAKER_RATE_PPM } from '../../core/money/default-markets.ts';
import {
  defineInstrument,
  type Instrument,
  InvalidDefinitionError,
  MAX_QUANTITY_LOTS,
} from '../../core/money/instrument.ts';
import type { AccountAdmin } from '../../core/ports/keys.ts';
import { InstrumentState } from '../../core/protocol/kinds.ts';
import type { InstrumentStates, PriceBand } from '../market-data/instrument-states.ts';
import type { OperatorCommands } from '../operator-commands.ts';
import { formatPrice, formatQuantity } from '../rest/formatting.ts';
import { accountNamed } from './account-routes.ts';
import { AdminError, type AdminRoute, inputRoute } from './admin-route.ts';
import { INSTRUMENT_UPDATE, referencePriceText, updatedRules } from './instrument-update.ts';

export interface InstrumentParts {
  readonly accounts: AccountAdmin;
  readonly catalogue: Catalogue;
  readonly states: InstrumentStates;
  readonly operator: OperatorCommands;
}

const STATE_NAMES: Readonly<Record<InstrumentState, string>> = {
  [InstrumentState.TRADING]: 'trading',
  [InstrumentState.HALTED]: 'halted',
  [InstrumentState.CANCEL_ONLY]: 'cancel-only',
  [InstrumentState.POST_ONLY]: 'post-only',
};
const STATES: ReadonlyMap<string, InstrumentState> = new Map(
  Object.values(InstrumentState).map((state) => [STATE_NAMES[state], state]),
);

const ratePpm = z.number().int().min(0).max(1_000_000);
const decimals = z.number().int().min(0).max(18);
const DEFINITION = z.strictObject({
  base: z.string(),
  quote: z.string(),
  tickSize: z.string(),
  lotSize: z.string(),
  minimum: z.string(),
  symbol: z.string().optional(), // base and quote together unless given
  baseDecimals: decimals.optional(), // needed for an asset that is new here
  quoteDecimals: decimals.optional(),
  makerRatePpm: ratePpm.default(DEFAULT_MAKER_RATE_PPM),
  takerRatePpm: ratePpm.default(DEFAULT_TAKER_RATE_PPM),
});
type Definition = z.infer<typeof DEFINITION>;
const STATE_CHANGE = z.strictObject({
  symbol: z.string(),
  state: z.enum(['trading', 'halted', 'cancel-only', 'post-only']),
});
const CANCELLATION = z.strictObject({
  symbol: z.string(),
  account: z.string().optional(), // every account's unless given
});

/** What is traded here, and whether. Every change is a journalled command. */
export function instrumentRoutes({ accounts, catalogue, states, operator }: InstrumentParts): AdminRoute[] {
  const json = (instrument: Instrument) =>
    instrumentJson(instrument, states.state(instrument.instrumentId), states.band(instrument.instrumentId));
  const known = (symbol: string): Instrument => {
    const instrument = catalogue.instrumentBySymbol(symbol.toLowerCase());
    if (instrument === undefined) throw new AdminError('NotFound', `there is no instrument "${symbol}"`);
    return instrument;
  };
  return [
    { method: 'GET', path: '/instruments', answer: () => catalogue.instruments().map(json) },
    inputRoute('/instruments', DEFINITION, async (definition) => {
      const { newAssets, instrument } = readDefinition(definition, catalogue);
      for (const asset of newAssets) await operator.defineAsset(asset);
      await operator.defineInstrument(instrument);
      return json(instrument);
    }),
    inputRoute('/instruments/state', STATE_CHANGE, async ({ symbol, state }) => {
      const instrument = known(symbol);
      await operator.setInstrumentState(instrument.instrumentId, STATES.get(state)!);
      return json(instrument);
    }),
    inputRoute('/instruments/cancel-orders', CANCELLATION, async ({ symbol, account }) => {
      const instrument = known(symbol);
      const accountId = account === undefined ? 0 : accountNamed(accounts, account).accountId;
      const cancelledOrders = await operator.cancelOrders(instrument.instrumentId, accountId);
      return { symbol: instrument.symbol, account: account ?? null, cancelledOrders };
    }),
    inputRoute('/instruments/update', INSTRUMENT_UPDATE, async (update) => {
      const { instrumentId } = known(update.symbol);
      // Read only when it is this one's turn: an update that came just before must not be undone by what it leaves out.
      await operator.updateInstrument(() => updatedRules(update, known(update.symbol), states.band(instrumentId)));
      return json(known(update.symbol));
    }),
  ];
}

/** @throws AdminError */
function readDefinition(definition: Definition, catalogue: Catalogue): { newAssets: Asset[]; instrument: Instrument } {
  const newAssets: Asset[] = [];
  const assetOf = (code: string, side: 'base' | 'quote', wanted: number | undefined): Asset => {
    const known = catalogue.assetByCode(code) ?? newAssets.find((asset) => asset.code === code);
    if (known !== undefined && wanted !== undefined && wanted !== known.decimals)
      throw new AdminError('InvalidInput', `${side}Decimals: ${code} has ${known.decimals} decimals for ever`);
    if (known !== undefined) return known;
    if (wanted === undefined)
      throw new AdminError('InvalidInput', `${side}Decimals: ${code} is new here: say how many decimals it has`);
    const asset = {
      assetId: nextId(
        catalogue.assets().map(({ assetId }) => assetId),
        newAssets.length,
      ),
      code,
      decimals: wanted,
    };
    const problem = assetProblem(asset);
    if (problem !== null) throw new AdminError('InvalidInput', problem);
    newAssets.push(asset);
    return asset;
  };
  const base = assetOf(definition.base.toUpperCase(), 'base', definition.baseDecimals);
  const quote = assetOf(definition.quote.toUpperCase(), 'quote', definition.quoteDecimals);
  const symbol = (definition.symbol ?? base.code + quote.code).toLowerCase();
  if (catalogue.instrumentBySymbol(symbol) !== undefined)
    throw new AdminError(
      'AlreadyDefined',
      `instrument ${symbol} is defined already; "instruments update" changes what may change of it`,
    );
  const tickScale = definition.tickSize.split('.')[1]?.length ?? 0;
  const lotUnits = exact(definition.lotSize, base.decimals, 'lotSize');
  const minimumUnits = exact(definition.minimum, base.decimals, 'minimum');
  if (lotUnits === 0n || minimumUnits % lotUnits !== 0n)
    throw new AdminError('InvalidInput', 'minimum: must be a multiple of a lotSize above zero');
  try {
    const instrument = defineInstrument({
      instrumentId: nextId(
        catalogue.instruments().map(({ instrumentId }) => instrumentId),
        0,
      ),
      symbol,
      base,
      quote,
      tickMantissa: exact(definition.tickSize, tickScale, 'tickSize'),
      tickScale,
      lotUnits,
      minQuantityLots: Number(minimumUnits / lotUnits),
      maxQuantityLots: MAX_QUANTITY_LOTS,
      makerRatePpm: definition.makerRatePpm,
      takerRatePpm: definition.takerRatePpm,
    });
    return { newAssets, instrument };
  } catch (error) {
    if (error instanceof InvalidDefinitionError) throw new AdminError('InvalidInput', error.message);
    throw error;
  }
}

/** @param added ids given out that are not among the used ones yet */
function nextId(used: readonly number[], added: number): number {
  return Math.max(0, ...used) + added + 1;
}

function exact(text: string, scale: number, field: string): bigint {
  const units = tryParseDecimal(text, scale);
  if (typeof units !== 'string') return units;
  throw new AdminError('InvalidInput', `${field}: must be decimal text with at most ${scale} decimals, such as "0.01"`);
}

function instrumentJson(instrument: Instrument, state: InstrumentState, band: PriceBand) {
  return {
    symbol: instrument.symbol,
    base: instrument.base.code,
    quote: instrument.quote.code,
    tickSize: formatPrice(instrument, 1),
    lotSize: formatQuantity(instrument, 1),
    minimum: formatQuantity(instrument, instrument.minQuantityLots),
    maximum: formatQuantity(instrument, instrument.maxQuantityLots),
    makerRatePpm: instrument.makerRatePpm,
    takerRatePpm: instrument.takerRatePpm,
    priceBandPpm: band.priceBandPpm,
    referencePrice: referencePriceText(instrument, band),
    state: STATE_NAMES[state],
  };
}
