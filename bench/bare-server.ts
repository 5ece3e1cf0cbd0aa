import { App, us_socket_local_port } from 'uWebSockets.js';

/** The limit for any REST answer here: uWebSockets.js answering a constant of an order's size, doing nothing else. */
const ANSWER = JSON.stringify({
  order_id: '4294967296',
  id: '4294967296',
  symbol: 'btcusd',
  exchange: 'gemini',
  avg_execution_price: '0.00',
  side: 'buy',
  type: 'exchange limit',
  timestamp: '1760000000',
  timestampms: 1_760_000_000_123,
  is_live: true,
  is_cancelled: false,
  is_hidden: false,
  was_forced: false,
  executed_amount: '0',
  remaining_amount: '0.00001',
  options: [],
  price: '100.00',
  original_amount: '0.00001',
});

App()
  .post('/v1/order/new', (response) => {
    response.onData((_chunk, isLast) => {
      if (isLast) response.writeHeader('Content-Type', 'application/json').end(ANSWER);
    });
    response.onAborted(() => {});
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (!socket) throw new Error('no free port on 127.0.0.1');
    console.log(`port ${us_socket_local_port(socket)}`);
  });
