import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AmqpConnectionManager, connect } from 'amqp-connection-manager';
import type { ChannelModel } from 'amqplib';
import { KeptChannel, type KeptChannelSettings } from './kept-channel.ts';

export interface AmqpConnectionSettings {
  /** amqp://user:password@host:port/vhost */
  readonly url: string;
  /** What the broker's operator sees beside the connection. */
  readonly name: string;
  /** A broker that is silent for twice as long is given up, and so are we by it. */
  readonly heartbeatSeconds?: number;
  /** Told whenever the connection comes or goes; while it is away, with the reason of each attempt that failed. */
  readonly onChange?: (state: AmqpConnectionState) => void;
}

export interface AmqpConnectionState {
  readonly isConnected: boolean;
  /** The broker takes no messages for want of memory or disk space: confirms come when it has some again. */
  readonly isBlocked: boolean;
  /** Why it is not connected; null when it is, or before the first attempt has ended. */
  readonly reason: string | null;
}

const HEARTBEAT_SECONDS = 5;
const RECONNECT_PAUSE_SECONDS = 1;
const CONNECT_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 3_000;

/**
 * A connection to RabbitMQ that comes back by itself, for ever, and the channels that live on it. Publish and consume on
 * connections of their own: a broker short of memory reads no more from one that publishes, not even acknowledgements.
 */
export class AmqpConnection {
  readonly #manager: AmqpConnectionManager;
  readonly #channels = new Set<KeptChannel>();
  readonly #onChange: (state: AmqpConnectionState) => void;
  #state: AmqpConnectionState = { isConnected: false, isBlocked: false, reason: null };
  #connectCount = 0;
  #isClosed = false;

  /** Begins to connect. Nothing is thrown when the broker is away: it is tried again each second. */
  constructor({ url, name, heartbeatSeconds = HEARTBEAT_SECONDS, onChange = () => {} }: AmqpConnectionSettings) {
    this.#onChange = onChange;
    this.#manager = connect(url, {
      heartbeatIntervalInSeconds: heartbeatSeconds,
      reconnectTimeInSeconds: RECONNECT_PAUSE_SECONDS,
      connectionOptions: {
        noDelay: true,
        timeout: CONNECT_TIMEOUT_MS,
        clientProperties: { connection_name: `ringbook ${name}` },
      },
    });
    this.#manager.on('connect', () => this.#onConnect());
    this.#manager.on('disconnect', ({ err }) => this.#onAway(err));
    this.#manager.on('connectFailed', ({ err }) => this.#onAway(err));
    this.#manager.on('blocked', () => this.#change({ ...this.#state, isBlocked: true }));
    this.#manager.on('unblocked', () => this.#change({ ...this.#state, isBlocked: false }));
  }

  get state(): AmqpConnectionState {
    return this.#state;
  }

  /** How often it came: once, and again after each loss. */
  get connectCount(): number {
    return this.#connectCount;
  }

  /** Opens a channel with confirms now or when the connection is there, and again whenever it was lost. */
  keepChannel(settings: KeptChannelSettings): KeptChannel {
    const channel = new KeptChannel(settings, {
      onEnd: () => this.#channels.delete(channel),
      breakConnection: () => this.#break(),
    });
    this.#channels.add(channel);
    if (this.#manager.connection !== undefined) channel.onConnection(this.#manager.connection);
    return channel;
  }

  /** Ends channels and connection, a broker that does not answer by force. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { connection } = this.#manager;
    await Promise.all([...this.#channels].map((channel) => channel.close()));
    const isOver = this.#manager.close().then(
      () => true,
      () => true, // it broke meanwhile
    );
    const isClosed = await Promise.race([isOver, sleep(CLOSE_TIMEOUT_MS, false, { ref: false })]);
    if (!isClosed && connection !== undefined) destroySocket(connection);
    this.#change({ isConnected: false, isBlocked: false, reason: 'closed' });
  }

  #onConnect(): void {
    this.#connectCount += 1;
    this.#change({ isConnected: true, isBlocked: false, reason: null });
    for (const channel of this.#channels) channel.onConnection(this.#manager.connection!);
  }

  #onAway(error: Error | undefined): void {
    for (const channel of this.#channels) channel.onDisconnect();
    this.#change({ isConnected: false, isBlocked: false, reason: error?.message ?? 'the connection was closed' });
  }

  #break(): void {
    if (this.#manager.connection !== undefined) destroySocket(this.#manager.connection);
  }

  #change(state: AmqpConnectionState): void {
    this.#state = state;
    this.#onChange(state);
  }
}

/** The library waits for the broker's answer however long it takes; with an error it takes the connection as lost. */
function destroySocket({ connection }: ChannelModel): void {
  const { stream } = connection as unknown as { stream: Socket };
  stream.destroy(new Error('the broker does not answer'));
}
