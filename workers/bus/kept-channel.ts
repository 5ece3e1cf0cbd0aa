import { setTimeout as sleep } from 'node:timers/promises';
import type { ChannelModel, ConfirmChannel } from 'amqplib';

export interface KeptChannelSettings {
  /** For messages. */
  readonly name: string;
  /**
   * Declares and subscribes on each new channel. When it rejects, the channel is closed and a new one opened after a
   * pause. What it has begun by then it must end in onClose; and begin nothing after that, which may come between an
   * answer of the broker and whoever awaits it.
   */
  readonly onOpen: (channel: ConfirmChannel) => Promise<void>;
  /** Called once for each channel that onOpen was called with: nothing sent or taken on it counts any more. */
  readonly onClose: (reason: string) => void;
  /** How long onOpen may take before the connection is given up. */
  readonly openTimeoutMs?: number;
}

/** What the connection gives its channels. */
export interface ChannelOwner {
  /** The channel is closed for good. */
  readonly onEnd: () => void;
  /** A channel that the broker does not answer on can't be closed either: the connection must go. */
  readonly breakConnection: () => void;
}

/** A healthy broker declares a queue within some hundredths of a second; one that has just started may need seconds. */
const OPEN_TIMEOUT_MS = 20_000;

/** Of the broker's reason to close a channel: a queue that was asked for is not there. */
export const NO_QUEUE = 'NOT_FOUND - no queue';

/** A reason for which onClose is called: the channel was given up by `renew`. */
export const RENEWED = 'renewed';

const REOPEN_PAUSE_MS = 1_000;
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * A channel with confirms that is opened anew whenever it was closed, with its connection or alone. (Brokers close single
 * channels: a queue is gone, a delivery was kept too long, a declaration differs. The channels of the connection manager
 * come back only with the next connection, and send again by themselves what was not confirmed, in an order of their own.)
 */
export class KeptChannel {
  readonly #settings: KeptChannelSettings;
  readonly #owner: ChannelOwner;
  #connection: ChannelModel | null = null;
  #channel: ConfirmChannel | null = null; // from before onOpen until it is lost
  #openingOn: ChannelModel | null = null;
  #isClosed = false;

  /** Made by AmqpConnection.keepChannel. */
  constructor(settings: KeptChannelSettings, owner: ChannelOwner) {
    this.#settings = settings;
    this.#owner = owner;
  }

  /** For the connection: there is a new one. */
  onConnection(connection: ChannelModel): void {
    this.#connection = connection;
    void this.#open();
  }

  /** For the connection: it is lost, its channels with it. */
  onDisconnect(): void {
    this.#connection = null;
    this.#lose('the connection is lost');
  }

  /** Gives the present channel up and opens another one after a pause. Unacknowledged messages are delivered again. */
  reopen(reason: string): void {
    if (this.#giveUp(reason)) void this.#openLater();
  }

  /** The same at once, of a channel that nothing is known to be wrong with. */
  renew(): void {
    if (this.#giveUp(RENEWED)) void this.#open();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#owner.onEnd();
    const channel = this.#channel;
    this.#lose('closed');
    if (channel === null) return;
    const isClosed = channel.close().catch(() => {});
    await Promise.race([isClosed, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
  }

  async #open(): Promise<void> {
    const connection = this.#connection;
    if (connection === null || connection === this.#openingOn || this.#channel !== null || this.#isClosed) return;
    this.#openingOn = connection;
    const timer = this.#breakLater(connection);
    try {
      const channel = await connection.createConfirmChannel();
      channel.on('error', () => {}); // 'close' follows, and an error that nobody hears would end the process
      if (connection !== this.#connection || this.#isClosed) channel.close().catch(() => {});
      else await this.#begin(channel);
    } catch {
      // refused; or lost with its connection, and the next one opens it
    } finally {
      clearTimeout(timer);
      if (this.#openingOn === connection) this.#openingOn = null;
      if (this.#channel === null && !this.#isClosed) void this.#openLater(); // not before: one is opened at a time
    }
  }

  async #begin(channel: ConfirmChannel): Promise<void> {
    let reason = 'the channel was closed, alone or with its connection';
    channel.on('error', (error: Error) => {
      reason = error.message;
    });
    channel.on('close', () => {
      if (this.#channel !== channel) return;
      this.#lose(reason);
      void this.#openLater();
    });
    this.#channel = channel;
    try {
      await this.#settings.onOpen(channel);
    } catch (error) {
      if (this.#channel === channel) this.reopen((error as Error).message);
    }
  }

  #breakLater(connection: ChannelModel): NodeJS.Timeout {
    return setTimeout(() => {
      if (connection === this.#connection) this.#owner.breakConnection();
    }, this.#settings.openTimeoutMs ?? OPEN_TIMEOUT_MS);
  }

  /** Asks again after a pause, unless the next connection has come first. */
  async #openLater(): Promise<void> {
    await sleep(REOPEN_PAUSE_MS, undefined, { ref: false });
    await this.#open();
  }

  /** @returns false when there is none */
  #giveUp(reason: string): boolean {
    const channel = this.#channel;
    if (channel === null) return false;
    this.#lose(reason);
    channel.close().catch(() => {}); // it is gone, or goes with its connection
    return true;
  }

  #lose(reason: string): void {
    if (this.#channel === null) return;
    this.#channel = null;
    this.#settings.onClose(reason);
  }
}
