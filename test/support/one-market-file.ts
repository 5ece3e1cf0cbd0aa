/** An instruments file with a market of its own, as README.md shows it. */
export const ONE_MARKET_FILE = {
  assets: [
    { code: 'EUR', decimals: 8 },
    { code: 'BTC', decimals: 8 },
  ],
  instruments: [
    {
      symbol: 'btceur',
      base: 'BTC',
      quote: 'EUR',
      tickSize: '0.01',
      lotSize: '0.000001',
      minimum: '0.00001',
      makerRatePpm: 1_000,
      takerRatePpm: 2_000,
    },
  ],
};
