import { CountingSocket } from './support/counting-socket.ts';

/**
 * Many WebSocket readers in a process of their own. They count messages, and nothing else, so that they are faster than
 * any server; on demand they also hash them, to prove that all of them got the same.
 */
export type ToFeedReaders =
  | {
      readonly type: 'open';
      readonly port: number;
      readonly path: string;
      readonly sockets: number;
      readonly subscribe: string;
      readonly hashes: boolean;
    }
  | { readonly type: 'await'; readonly messages: number }; // each socket, since it was opened
export type FromFeedReaders =
  | { readonly type: 'opened' } // each has its first message
  | { readonly type: 'received'; readonly messages: number } // by the slowest, the first one left out
  | { readonly type: 'complete'; readonly messageBytes: readonly number[]; readonly hashes: readonly number[] };

const REPORT_MS = 4;

let sockets: CountingSocket[] = [];
let awaited = Infinity;
let reported = 0;

function slowest(): number {
  let least = Infinity;
  for (const { messages } of sockets) if (messages < least) least = messages;
  return sockets.length === 0 ? 0 : least - 1;
}

async function open(message: ToFeedReaders & { type: 'open' }): Promise<void> {
  const { port, path, subscribe, hashes } = message;
  reported = 0;
  awaited = Infinity;
  sockets = await Promise.all(
    Array.from({ length: message.sockets }, () => CountingSocket.open(port, path, subscribe, hashes)),
  );
  tell({ type: 'opened' });
}

setInterval(() => {
  const messages = slowest();
  if (messages > reported) tell({ type: 'received', messages });
  reported = messages;
  if (messages < awaited) return;
  awaited = Infinity;
  const [first] = sockets;
  tell({ type: 'complete', messageBytes: first!.sizes, hashes: [...new Set(sockets.map(({ hash }) => hash))] });
  for (const socket of sockets) socket.close();
  sockets = [];
}, REPORT_MS);

function tell(message: FromFeedReaders): void {
  process.send!(message);
}

process.on('message', (message: ToFeedReaders) => {
  if (message.type === 'open') open(message).catch((error: Error) => fail(error));
  else awaited = message.messages;
});
process.on('disconnect', () => process.exit());

function fail(error: Error): never {
  console.error(error);
  process.exit(1);
}
