import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import { isFiat, networkOf, networksOf } from '../accounts/networks.ts';
import { formatPrice, formatQuantity, quantityDecimals } from '../rest/formatting.ts';
import type { Endpoint } from '../rest/router.ts';

const ROUNDING_DECIMALS = 10; // a column that clients carry along and do not use

/**
 * The page at `/`. For people: what can be called here. For client libraries: an element `currencyData` with the
 * precision and minimum of every market; without it they refuse to place any order.
 */
export function currencyPage(catalogue: Catalogue, endpoints: readonly Endpoint[], baseUrl: string): string {
  const url = escapeHtml(baseUrl);
  const marketRows = catalogue
    .instruments()
    .map(
      (instrument) =>
        `<tr><td><a href="/v1/book/${instrument.symbol}">${instrument.symbol}</a></td>` +
        `<td>${formatPrice(instrument, 1)} ${instrument.quote.code}</td>` +
        `<td>${formatQuantity(instrument, 1)} ${instrument.base.code}</td>` +
        `<td>${formatQuantity(instrument, instrument.minQuantityLots)} ${instrument.base.code}</td></tr>`,
    );
  const endpointRows = endpoints.map(
    ({ method, pattern }) =>
      `<li><code>${method} ${escapeHtml(pattern)}</code>${method === 'POST' ? ' (signed)' : ''}</li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ringbook</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; } th, td { padding: .2rem 1rem .2rem 0; text-align: left; }
pre { background: #f3f3f3; padding: .7rem; overflow-x: auto; }
@media (prefers-color-scheme: dark) { body { color: #e8e8e8; background: #161616; } pre { background: #262626; } a { color: #8ab4f8; } }
</style>
<script type="application/json" id="currencyData">${embeddableJson(currencyData(catalogue))}</script>
</head>
<body>
<h1>ringbook</h1>
<p>A spot exchange that speaks Gemini's API. Point your client's base URL here.</p>
<h2>Try</h2>
<pre>curl ${url}/v1/symbols
curl ${url}/v1/symbols/details/btcusd
curl '${url}/v1/book/btcusd?limit_bids=5&amp;limit_asks=5'</pre>
<p>With ccxt, all of its URLs are this one, the page's own included:</p>
<pre>new ccxt.gemini({ apiKey, secret, urls: { api: { public: '${url}', private: '${url}', web: '${url}', webExchange: '${url}' } } })</pre>
<h2>Markets</h2>
<table>
<tr><th>Symbol</th><th>Price step</th><th>Quantity step</th><th>Minimum</th></tr>
${marketRows.join('\n')}
</table>
<h2>Calls</h2>
<ul>
${endpointRows.join('\n')}
</ul>
</body>
</html>
`;
}

function currencyData(catalogue: Catalogue): unknown {
  return {
    tradingPairs: catalogue.instruments().map(tradingPair),
    // code, name, three columns that nobody reads, decimals, decimals, whether fiat, sign, network
    currencies: catalogue.assets().map((asset) => {
      const { code, decimals } = asset;
      return [code, code, decimals, decimals, decimals, decimals, decimals, isFiat(asset), null, networkOf(asset)];
    }),
    networks: networksOf(catalogue).map((network) => [network, network, network]),
  };
}

function tradingPair(instrument: Instrument): unknown {
  return [
    instrument.symbol.toUpperCase(),
    instrument.tickScale,
    quantityDecimals(instrument),
    formatQuantity(instrument, instrument.minQuantityLots),
    ROUNDING_DECIMALS,
    true,
  ];
}

/** JSON that can't end the element it stands in. */
function embeddableJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
