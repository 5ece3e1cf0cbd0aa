import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { filledCandles, newestIntervals } from '../../core/klines/filled-candles.ts';
import { intervalEndMs, intervalStartMs, KLINE_SIZES, type KlineSize } from '../../core/klines/kline-calendar.ts';
import { FolderCatalogue } from '../../workers/definitions/folder-catalogue.ts';
import { SqliteKlineStore } from '../../workers/klines/sqlite-kline-store.ts';
import { type Configuration, ConfigurationError } from '../configuration.ts';
import { candleChart } from './candle-chart.ts';
import type { ChartOptions } from './command.ts';
import { requireKlines } from './data-folder.ts';

/** `ringbook klines chart`. @throws ConfigurationError for what is not there, NotADataFolderError */
export async function runChart(
  configuration: Configuration,
  symbol: string,
  sizeText: string,
  { out, count, to }: ChartOptions,
): Promise<void> {
  const dataFolder = requireKlines(configuration);
  const size = KLINE_SIZES.find((known) => known === sizeText);
  if (size === undefined)
    throw new ConfigurationError(`there are no candles of size ${sizeText}; sizes are ${KLINE_SIZES.join(' ')}`);
  const catalogue = new FolderCatalogue(dataFolder).complete();
  const instrument = catalogue.instrumentBySymbol(symbol.toLowerCase());
  if (instrument === undefined) {
    const known = catalogue.instruments().map((each) => each.symbol);
    throw new ConfigurationError(`there is no instrument ${symbol}; there are ${known.join(', ')}`);
  }
  const store = await SqliteKlineStore.open(dataFolder);
  try {
    const span = await store.spanMs(instrument.instrumentId);
    const lastMs = to === undefined ? span?.lastMs : to - 1;
    if (span === undefined || lastMs === undefined)
      throw new ConfigurationError(`${symbol} was never traded: nothing to draw`);
    const { fromMs, toMs } = newestIntervals(size, await newestMs(store, instrument.instrumentId, size, lastMs), count);
    const candles = filledCandles(await store.klines(instrument.instrumentId, size, fromMs, toMs), size, fromMs, toMs);
    if (candles.length === 0) throw new ConfigurationError(`${symbol} was not traded before that: nothing to draw`);
    const path = resolve(out ?? `${instrument.symbol}-${size}.svg`);
    writeFileSync(path, candleChart({ instrument, size, candles }));
    console.log(`${candles.length} candles drawn: ${path}`);
  } finally {
    await store.close();
  }
}

/** Where there is a candle in the asked-for moment's interval that is the end, else the moment itself. */
async function newestMs(
  store: SqliteKlineStore,
  instrumentId: number,
  size: KlineSize,
  lastMs: number,
): Promise<number> {
  const fromMs = intervalStartMs(size, lastMs);
  const found = await store.within(instrumentId, size, fromMs, intervalEndMs(size, lastMs));
  return found[0]?.openMs ?? lastMs;
}
