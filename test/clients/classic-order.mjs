// The classroom script, as a program of its own: plain HTTP, no code shared with the exchange. It signs one request the
// way the well-known Python one does (spaces after JSON separators, nonce in whole seconds with three zeros behind, empty
// body) and prints the answer's status and JSON.
//
//   node classic-order.mjs BASE_URL KEY SECRET /v1/order/new '{"symbol": "btcusd", "amount": "5", …}'
import { createHmac } from 'node:crypto';
import http from 'node:http';

const [baseUrl, key, secret, endpoint, fieldsText = '{}', nonceText] = process.argv.slice(2);
const fields = JSON.parse(fieldsText);
const nonce = nonceText ?? `${Math.floor(Date.now() / 1000)}000`;
const payload = { request: endpoint, nonce, ...fields };

/** As Python's json.dumps writes it: a space after every comma and colon. */
const dumps = (value) => {
  if (Array.isArray(value)) return `[${value.map(dumps).join(', ')}]`;
  if (value !== null && typeof value === 'object')
    return `{${Object.entries(value)
      .map(([name, field]) => `${JSON.stringify(name)}: ${dumps(field)}`)
      .join(', ')}}`;
  return JSON.stringify(value);
};

const encoded = Buffer.from(dumps(payload)).toString('base64');
const signature = createHmac('sha384', Buffer.from(secret)).update(encoded).digest('hex');
const request = http.request(
  new URL(endpoint, baseUrl),
  {
    method: 'POST',
    headers: {
      'Content-Type': 'text/plain',
      'Content-Length': '0',
      'X-GEMINI-APIKEY': key,
      'X-GEMINI-PAYLOAD': encoded,
      'X-GEMINI-SIGNATURE': signature,
      'Cache-Control': 'no-cache',
    },
  },
  (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk) => {
      text += chunk;
    });
    response.on('end', () => console.log(JSON.stringify({ status: response.statusCode, body: JSON.parse(text) })));
  },
);
request.end();
