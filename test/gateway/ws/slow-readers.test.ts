import { App } from 'uWebSockets.js';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Listening } from '../../../gateway/http/listening.ts';
import type { SocketLink } from '../../../gateway/ws/socket-link.ts';
import { SocketServer } from '../../../gateway/ws/socket-server.ts';
import { RawSocket } from '../../support/raw-socket.ts';

const BUFFER_BYTES = 256 * 1024;
const MESSAGE_BYTES = 32 * 1024;
/** Far more than kernels buffer for one socket. */
const TOO_MANY = 4_000;

let server: SocketServer;
let listening: Listening;
let links: SocketLink[];
let closed: number;
let opening: (link: SocketLink) => void;

beforeEach(async () => {
  links = [];
  closed = 0;
  opening = () => {};
  server = new SocketServer({
    endpoints: [
      {
        pattern: '/feed',
        accept: () => (link) => {
          links.push(link);
          opening(link);
          return {
            onMessage: () => {
              throw new Error('this one is broken');
            },
            onHeartbeat: () => {},
            onClose: () => {
              closed += 1;
            },
          };
        },
      },
    ],
    publicLimiter: null,
    clock: { nowMs: () => Date.now() },
    logger: pino({ level: 'silent' }),
    bufferBytes: BUFFER_BYTES,
  });
  const app = App();
  server.attach(app);
  listening = await Listening.on(app, '127.0.0.1', 0);
});
afterEach(() => {
  server.close();
  listening.close();
});

const numbered = (number: number): Buffer => Buffer.from(JSON.stringify(number).padEnd(MESSAGE_BYTES));
const open = (): Promise<RawSocket> => RawSocket.open(listening.port, '/feed');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a reader that stops gets everything up to a close code, in order, and the others miss nothing', async () => {
  const [sleeper, reader] = [await open(), await open()];
  const [sleeping, reading] = links as [SocketLink, SocketLink];
  sleeper.stopReading();
  let sent = 0;
  for (; sent < TOO_MANY && sleeping.isOpen; sent++) {
    const message = numbered(sent);
    for (const link of [sleeping, reading]) link.send(message);
    await turn();
  }
  expect(sleeping.isOpen).toBe(false);
  expect(closed).toBe(1);
  expect(reading.isOpen).toBe(true);
  sleeping.send(numbered(-1)); // does nothing: it must not touch what is gone
  for (let number = 0; number < sent; number++) expect(await reader.next()).toBe(number);
  sleeper.readOn();
  expect(await sleeper.closed).toMatchObject({ code: 1013, reason: expect.stringContaining('too slowly') });
  expect(sleeper.messages.map(Number)).toEqual(Array.from({ length: sent }, (_, number) => number));
  reader.destroy();
});

test('a snapshot larger than the buffer is no reason to end a reader, what follows it unread is', async () => {
  const snapshot = Buffer.from(JSON.stringify('x'.repeat(24 << 20)));
  opening = (link) => link.sendSnapshot(snapshot);
  const sleeper = await open();
  sleeper.stopReading();
  const [link] = links as [SocketLink];
  expect(link.isOpen).toBe(true);
  for (let sent = 0; sent < TOO_MANY && link.isOpen; sent++) {
    link.send(numbered(sent));
    await turn();
  }
  expect(link.isOpen).toBe(false);
  sleeper.readOn();
  expect((await sleeper.closed).code).toBe(1013);
  expect(sleeper.messages[0]).toHaveLength(snapshot.byteLength);
});

test('a reader that is merely slow is left alone, and its room comes back', async () => {
  const reader = await open();
  const [link] = links as [SocketLink];
  for (let sent = 0; sent < 500; sent++) {
    link.send(numbered(sent));
    expect(await reader.next()).toBe(sent);
  }
  expect(link.isOpen).toBe(true);
  reader.destroy();
});

test('a single message beyond all bounds ends the socket at once, also while it is being opened', async () => {
  opening = (link) => link.send(Buffer.alloc(8 << 20, 'x'), Buffer.alloc(60 << 20, 'x'), Buffer.alloc(8 << 20, 'x'));
  const reader = await open();
  expect(links[0]!.isOpen).toBe(false);
  expect(closed).toBe(1);
  expect(server.socketCount).toBe(0);
  reader.destroy();
});

test('a session that fails ends its own socket with 1011', async () => {
  const [one, other] = [await open(), await open()];
  one.send('x');
  expect((await one.closed).code).toBe(1011);
  links[1]!.send('7');
  expect(await other.next()).toBe(7);
  other.destroy();
});
