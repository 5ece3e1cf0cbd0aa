import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromFeedReaders, ToFeedReaders } from './feed-readers.ts';
import type { FeedArm, FromFeedServer, ToFeedServer } from './feed-server.ts';
import type { Bench, BenchSettings, Report } from './support/bench.ts';
import { pairedPicture } from './support/paired-picture.ts';
import { pairedTable } from './support/paired-table.ts';
import { median, type Run, runPairs } from './support/pairs.ts';

const SERVER = fileURLToPath(new URL('./feed-server.ts', import.meta.url));
const READERS = fileURLToPath(new URL('./feed-readers.ts', import.meta.url));
const SUBSCRIBE = '{"type":"subscribe","subscriptions":[{"name":"l2","symbols":["BTCUSD"]}]}';
const MESSAGES_PER_TURN = 2; // a trade, and the level that it changed
const SILENCE_MS = 45_000;

interface FeedRun extends Run {
  readonly cpuSecondsPerMillion: number; // of the server, a million messages
  readonly messageBytes: readonly number[]; // of a turn
  readonly hashes: readonly number[]; // of all readers, each value once
}

export const feedBench: Bench = {
  name: 'feed',
  about: 'trades and levels to 500 WebSocket readers of the gateway, beside a bare uWebSockets.js publish',
  size: '4 s a run, 3 pairs: 1 min',
  async run(settings) {
    const server = fork(SERVER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const readers = fork(READERS, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    try {
      const { ports } = await heard<FromFeedServer, 'listening'>(server, 'listening');
      return await measure(new FanOut(server, readers, ports), settings);
    } finally {
      server.kill('SIGKILL');
      readers.kill('SIGKILL');
    }
  },
};

async function measure(fanOut: FanOut, { seed, isShort, size, progress }: BenchSettings): Promise<Report> {
  const milliseconds = (size ?? (isShort ? 0.3 : 4)) * 1_000;
  const sockets = isShort ? 50 : 500;
  progress('do all readers of the gateway get the same?');
  const proof = await fanOut.run('gateway', {
    sockets,
    milliseconds: Math.min(milliseconds, 1_000),
    hashes: true,
    messageBytes: [],
  });
  if (proof.hashes.length !== 1)
    throw new Error(`${sockets} readers of one feed got ${proof.hashes.length} different feeds`);
  const { messageBytes } = proof;
  progress('measuring');
  const cpu: Record<FeedArm, number[]> = { gateway: [], bare: [] };
  const arm = async (name: FeedArm): Promise<Run> => {
    const run = await fanOut.run(name, { sockets, milliseconds, hashes: false, messageBytes });
    cpu[name].push(run.cpuSecondsPerMillion);
    return run;
  };
  const result = await runPairs(
    isShort ? 1 : 3,
    () => arm('bare'),
    () => arm('gateway'),
  );
  const [ours, bare] = [median(cpu.gateway), median(cpu.bare)];
  return {
    heading: 'Feed fan-out',
    mix: `one trade a turn on btcusd: messages of ${messageBytes.join(' and ')} bytes to each of ${sockets} l2 readers`,
    proof: `all ${sockets} readers got the same ${(proof.operations / sockets).toLocaleString('en')} messages, none missing`,
    tables: [
      pairedTable({ name: 'feed messages', limit: 'uWebSockets.js publish of the same sizes', result }),
      {
        columns: ["server's processor time", 'gateway', 'bare publish', 'ratio'],
        rows: [['seconds per million messages', ours.toFixed(2), bare.toFixed(2), (bare / ours).toFixed(3)]],
      },
    ],
    notes: [
      'The readers share the machine with the server: where they are the slower ones, processor time tells more.',
    ],
    pictures: [
      pairedPicture(
        {
          picture: 'feed',
          title: `Feed to ${sockets} WebSocket readers`,
          figure: 'the gateway',
          limit: 'uWebSockets.js publish of the same sizes',
          unit: 'messages a second, all readers together',
        },
        result,
        seed,
      ),
    ],
  };
}

/** A server of both arms and a process of readers; whatever the readers report goes to the server. */
class FanOut {
  readonly #server: ChildProcess;
  readonly #readers: ChildProcess;
  readonly #ports: Readonly<Record<FeedArm, number>>;

  constructor(server: ChildProcess, readers: ChildProcess, ports: Readonly<Record<FeedArm, number>>) {
    this.#server = server;
    this.#readers = readers;
    this.#ports = ports;
    readers.on('message', (message: FromFeedReaders) => {
      if (message.type === 'received')
        this.#toServer({ type: 'received', turns: Math.floor(message.messages / MESSAGES_PER_TURN) });
    });
  }

  async run(
    arm: FeedArm,
    options: { sockets: number; milliseconds: number; hashes: boolean; messageBytes: readonly number[] },
  ): Promise<FeedRun> {
    const { sockets, milliseconds, hashes, messageBytes } = options;
    const isGateway = arm === 'gateway';
    const [path, subscribe] = isGateway ? ['/v2/marketdata', SUBSCRIBE] : ['/', ''];
    this.#toReaders({ type: 'open', port: this.#ports[arm], path, sockets, subscribe, hashes });
    await heard<FromFeedReaders, 'opened'>(this.#readers, 'opened');
    const startMs = performance.now();
    this.#toServer({ type: 'run', arm, milliseconds, messageBytes });
    const { turns, cpuSeconds } = await heard<FromFeedServer, 'finished'>(this.#server, 'finished');
    this.#toReaders({ type: 'await', messages: turns * MESSAGES_PER_TURN });
    const complete = await heard<FromFeedReaders, 'complete'>(this.#readers, 'complete');
    const seconds = (performance.now() - startMs) / 1_000;
    const operations = turns * MESSAGES_PER_TURN * sockets;
    const cpuSecondsPerMillion = (cpuSeconds / operations) * 1e6;
    return {
      seconds,
      operations,
      cpuSecondsPerMillion,
      messageBytes: complete.messageBytes.slice(1),
      hashes: complete.hashes,
    };
  }

  #toServer(message: ToFeedServer): void {
    this.#server.send(message);
  }

  #toReaders(message: ToFeedReaders): void {
    this.#readers.send(message);
  }
}

/** @returns the next message of that type; rejects when the process ends or stays silent */
function heard<Message extends { readonly type: string }, Type extends Message['type']>(
  child: ChildProcess,
  type: Type,
): Promise<Extract<Message, { readonly type: Type }>> {
  return new Promise((resolve, reject) => {
    const end = (act: () => void): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      act();
    };
    const onMessage = (message: Message): void => {
      if (message.type === type) end(() => resolve(message as Extract<Message, { readonly type: Type }>));
    };
    const onExit = (code: number | null): void => end(() => reject(new Error(`a process ended with ${code}`)));
    const timer = setTimeout(() => end(() => reject(new Error(`no ${type} in ${SILENCE_MS} ms`))), SILENCE_MS);
    child.on('message', onMessage);
    child.on('exit', onExit);
  });
}
