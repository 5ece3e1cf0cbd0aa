import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type Asset, assetProblem } from '../core/money/asset.ts';
import type { Catalogue } from '../core/money/catalogue.ts';
import { formatDecimal, tryParseDecimal } from '../core/money/decimal.ts';
import { defaultMarkets, type Markets } from '../core/money/default-markets.ts';
import {
  defineInstrument,
  type Instrument,
  InvalidDefinitionError,
  MAX_QUANTITY_LOTS,
} from '../core/money/instrument.ts';

/** The instruments file can't be used, or says something else than the journal. One line per problem. */
export class InstrumentsFileError extends Error {
  override readonly name = 'InstrumentsFileError';
}

const decimalText = z.string().regex(/^(0|[1-9][0-9]*)(\.[0-9]+)?$/, 'must be decimal text such as "0.01"');
const ratePpm = z.number().int().min(0).max(1_000_000);

/** See README.md, "Your own instruments". */
const SCHEMA = z.strictObject({
  assets: z.array(z.strictObject({ code: z.string(), decimals: z.number().int() })).min(2),
  instruments: z
    .array(
      z.strictObject({
        symbol: z.string(),
        base: z.string(),
        quote: z.string(),
        tickSize: decimalText,
        lotSize: decimalText,
        minimum: decimalText,
        makerRatePpm: ratePpm,
        takerRatePpm: ratePpm,
      }),
    )
    .min(1),
});

type InstrumentRow = z.infer<typeof SCHEMA>['instruments'][number];

/**
 * @param path undefined for the built-in markets
 * @throws InstrumentsFileError naming file and every problem
 */
export function readMarkets(path: string | undefined): Markets {
  if (path === undefined) return defaultMarkets();
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new InstrumentsFileError(`${path} can't be read as JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = SCHEMA.safeParse(content);
  if (!parsed.success)
    throw refusal(
      path,
      parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    );
  const assets = parsed.data.assets.map(({ code, decimals }, index): Asset => ({ assetId: index + 1, code, decimals }));
  const problems = assets.map(assetProblem).filter((problem) => problem !== null);
  problems.push(...repeated(assets.map(({ code }) => code)).map((code) => `asset ${code} stands there twice`));
  const byCode = new Map(assets.map((asset) => [asset.code, asset]));
  const instruments: Instrument[] = [];
  for (const [index, row] of parsed.data.instruments.entries()) {
    const instrument = readInstrument(row, index + 1, byCode);
    if (typeof instrument === 'string') problems.push(instrument);
    else instruments.push(instrument);
  }
  problems.push(...repeated(instruments.map(({ symbol }) => symbol)).map((symbol) => `${symbol} stands there twice`));
  if (problems.length > 0) throw refusal(path, problems);
  return { assets, instruments };
}

/**
 * The journal's rules hold, whatever a file says later. A file is compared with the first definitions: updates are the
 * operator's, and a file that seeded an exchange must not keep it from starting after one.
 * @throws InstrumentsFileError naming every asset and instrument that the file has differently
 */
export function requireSameMarkets(path: string, markets: Markets, catalogue: Catalogue): void {
  const problems: string[] = [];
  for (const { code, decimals } of markets.assets) {
    const known = catalogue.assetByCode(code);
    if (known === undefined) problems.push(`asset ${code} is not defined on this exchange`);
    else if (known.decimals !== decimals)
      problems.push(`asset ${code} has ${known.decimals} decimals here, not ${decimals}`);
  }
  for (const instrument of markets.instruments) {
    const known = catalogue.firstDefinition(instrument.symbol);
    if (known === undefined) {
      problems.push(`instrument ${instrument.symbol} is not defined on this exchange`);
      continue;
    }
    const here = rulesOf(known);
    for (const [rule, value] of Object.entries(rulesOf(instrument)))
      if (here[rule] !== value)
        problems.push(`instrument ${instrument.symbol}: ${rule} is ${here[rule]} here, not ${value}`);
  }
  if (problems.length > 0)
    throw new InstrumentsFileError(
      `${path} differs from what the journal defined at the first start, which stays (correct the file, or leave it out; fees and quantities change with "instruments update"):\n` +
        problems.map((problem) => `  - ${problem}`).join('\n'),
    );
}

function readInstrument(
  row: InstrumentRow,
  instrumentId: number,
  assets: ReadonlyMap<string, Asset>,
): Instrument | string {
  const base = assets.get(row.base);
  const quote = assets.get(row.quote);
  if (base === undefined || quote === undefined)
    return `instrument ${row.symbol}: asset ${base === undefined ? row.base : row.quote} is not among the assets`;
  const tickScale = row.tickSize.split('.')[1]?.length ?? 0;
  const tickMantissa = tryParseDecimal(row.tickSize, tickScale);
  const lotUnits = tryParseDecimal(row.lotSize, base.decimals);
  const minimumUnits = tryParseDecimal(row.minimum, base.decimals);
  if (typeof tickMantissa === 'string' || typeof lotUnits === 'string' || typeof minimumUnits === 'string')
    return `instrument ${row.symbol}: tickSize, lotSize or minimum has more digits than ${row.base} or a price can have`;
  if (lotUnits === 0n || minimumUnits % lotUnits !== 0n)
    return `instrument ${row.symbol}: the minimum must be a multiple of a lot size above zero`;
  try {
    return defineInstrument({
      instrumentId,
      symbol: row.symbol,
      base,
      quote,
      tickMantissa,
      tickScale,
      lotUnits,
      minQuantityLots: Number(minimumUnits / lotUnits),
      maxQuantityLots: MAX_QUANTITY_LOTS,
      makerRatePpm: row.makerRatePpm,
      takerRatePpm: row.takerRatePpm,
    });
  } catch (error) {
    if (error instanceof InvalidDefinitionError) return error.message;
    throw error;
  }
}

/** Everything about an instrument that a file can say, as text. */
function rulesOf(instrument: Instrument): Record<string, string> {
  return {
    base: instrument.base.code,
    quote: instrument.quote.code,
    tickSize: formatDecimal(instrument.tickMantissa, instrument.tickScale),
    lotSize: formatDecimal(instrument.lotUnits, instrument.base.decimals),
    minimum: formatDecimal(instrument.lotUnits * BigInt(instrument.minQuantityLots), instrument.base.decimals),
    makerRatePpm: `${instrument.makerRatePpm}`,
    takerRatePpm: `${instrument.takerRatePpm}`,
  };
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function refusal(path: string, problems: readonly string[]): InstrumentsFileError {
  return new InstrumentsFileError(`${path} can't be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
}
