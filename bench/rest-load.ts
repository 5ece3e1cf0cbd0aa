import { createHmac } from 'node:crypto';
import { connect } from 'node:net';

/**
 * A load generator in a process of its own: signed orders over keep-alive connections, each sending its next request
 * when the last one is answered. Prints one line of JSON: answers, of which 200, seconds, latency percentiles in ms.
 *
 *   node bench/rest-load.ts HOST PORT KEY SECRET CONNECTIONS SECONDS
 */
const [host, portText, key, secret, connectionsText, secondsText] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const connections = Number(connectionsText);
const durationMs = Number(secondsText) * 1_000;

let nonce = BigInt(Date.now()) * 1_000_000n;
let answers = 0;
let accepted = 0;
const latenciesMs: number[] = [];

/** A resting buy far from the market's middle, at one of a hundred prices. */
function nextRequest(): string {
  nonce += 1n;
  const payload = Buffer.from(
    JSON.stringify({
      request: '/v1/order/new',
      nonce: nonce.toString(),
      symbol: 'btcusd',
      amount: '0.00001',
      price: `${100 + Number(nonce % 100n)}.00`,
      side: 'buy',
      type: 'exchange limit',
    }),
  ).toString('base64');
  const signature = createHmac('sha384', secret).update(payload).digest('hex');
  return (
    `POST /v1/order/new HTTP/1.1\r\nHost: ${host}\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n` +
    `X-GEMINI-APIKEY: ${key}\r\nX-GEMINI-PAYLOAD: ${payload}\r\nX-GEMINI-SIGNATURE: ${signature}\r\n\r\n`
  );
}

function runConnection(endsAtMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(portText), host);
    let received = '';
    let sentAtMs = 0;
    const send = (): void => {
      sentAtMs = performance.now();
      socket.write(nextRequest());
    };
    socket.setNoDelay(true);
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      const headEnd = received.indexOf('\r\n\r\n');
      if (headEnd < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
      if (received.length < headEnd + 4 + length) return;
      const now = performance.now();
      latenciesMs.push(now - sentAtMs);
      answers += 1;
      if (received.startsWith('HTTP/1.1 200')) accepted += 1;
      received = '';
      if (now >= endsAtMs) {
        socket.end();
        resolve();
      } else {
        send();
      }
    });
  });
}

const startMs = performance.now();
await Promise.all(Array.from({ length: connections }, () => runConnection(startMs + durationMs)));
const seconds = (performance.now() - startMs) / 1_000;
latenciesMs.sort((left, right) => left - right);
const at = (share: number): number =>
  latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(share * latenciesMs.length))]!;
console.log(JSON.stringify({ answers, accepted, seconds, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) }));
