import { App, us_socket_local_port } from 'uWebSockets.js';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DrivenGateway } from './support/driven-gateway.ts';

/**
 * Serves both arms of the feed benchmark in a process of its own, on a port each: the real gateway with one trade a turn,
 * and uWebSockets.js publishing two texts a turn. Told by its parent when to run; a turn is only begun while the slowest
 * reader is less than WINDOW turns behind.
 */
export type FeedArm = 'gateway' | 'bare';
export type ToFeedServer =
  | {
      readonly type: 'run';
      readonly arm: FeedArm;
      readonly milliseconds: number;
      readonly messageBytes: readonly number[];
    }
  | { readonly type: 'received'; readonly turns: number }; // by the slowest reader, since the run began
export type FromFeedServer =
  | { readonly type: 'listening'; readonly ports: Readonly<Record<FeedArm, number>> }
  | { readonly type: 'finished'; readonly turns: number; readonly cpuSeconds: number };

const WINDOW_TURNS = 200;
const TOPIC = 'l2';

let receivedTurns = 0;
const { driven, port } = await DrivenGateway.open();

const bare = App().ws('/*', {
  open: (socket) => {
    socket.subscribe(TOPIC);
    socket.send(' '.repeat(100), false); // as the gateway's snapshot: the reader knows that it is followed
  },
});
const barePort = await new Promise<number>((resolve) => {
  bare.listen('127.0.0.1', 0, (socket) => {
    if (!socket) throw new Error('no free port on 127.0.0.1');
    resolve(us_socket_local_port(socket));
  });
});

async function run(arm: FeedArm, milliseconds: number, messageBytes: readonly number[]): Promise<void> {
  const texts = messageBytes.map((bytes) => 'x'.repeat(bytes));
  const publish = (): void => {
    for (const text of texts) bare.publish(TOPIC, text, false);
  };
  const act = arm === 'gateway' ? () => driven.trade() : publish;
  receivedTurns = 0;
  let turns = 0;
  const before = process.cpuUsage();
  const endsAtMs = performance.now() + milliseconds;
  while (performance.now() < endsAtMs) {
    if (turns - receivedTurns < WINDOW_TURNS) {
      act();
      turns += 1;
    }
    await nextTurn();
  }
  const { user, system } = process.cpuUsage(before);
  tell({ type: 'finished', turns, cpuSeconds: (user + system) / 1e6 });
}

function tell(message: FromFeedServer): void {
  process.send!(message);
}

process.on('message', (message: ToFeedServer) => {
  if (message.type === 'received') receivedTurns = message.turns;
  else void run(message.arm, message.milliseconds, message.messageBytes);
});
process.on('disconnect', () => process.exit());
tell({ type: 'listening', ports: { gateway: port, bare: barePort } });
