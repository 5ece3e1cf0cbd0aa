import type { ConfirmChannel, Message, Options } from 'amqplib';

/** A message was not taken: the broker could not route it to any queue. */
export class UnroutableMessageError extends Error {
  override readonly name = 'UnroutableMessageError';
}

/** The broker refused the message, or nobody knows whether it has it. */
export class UnconfirmedMessageError extends Error {
  override readonly name = 'UnconfirmedMessageError';
}

export interface PublishTarget {
  readonly exchange: string; // '' for a queue by its name
  readonly routingKey: string;
}

export interface ConfirmPatience {
  /** With messages on their way, how long no confirm at all may come. */
  readonly timeoutMs: number;
  /** Whether the broker has said that it takes nothing just now: then it is waited for. */
  readonly isBlocked: () => boolean;
  /** Called at most once: the channel is of no use. */
  readonly onTimeout: () => void;
}

/**
 * Publishes on one channel and knows of each message whether a queue has it. A message that no queue takes is returned
 * and confirmed as well, the return first: so each return is remembered, by message id, until its confirm comes.
 */
export class ConfirmedPublish {
  readonly #channel: ConfirmChannel;
  readonly #patience: ConfirmPatience;
  readonly #returned = new Map<string, string>(); // message id -> the broker's reason
  #unconfirmedCount = 0;
  #timer: NodeJS.Timeout | null = null; // only while something is unconfirmed

  constructor(channel: ConfirmChannel, patience: ConfirmPatience) {
    this.#channel = channel;
    this.#patience = patience;
    channel.on('return', (message: Message) => {
      const { replyText } = message.fields as unknown as { replyText: string };
      this.#returned.set(String(message.properties.messageId), replyText);
    });
  }

  get unconfirmedCount(): number {
    return this.#unconfirmedCount;
  }

  /**
   * Persistent and mandatory.
   * @param options with a message id that no other message on its way has
   * @returns hasRoom: false when the socket's buffer is full, so that more should wait for 'drain' of the channel;
   *   confirmed: resolves when the message is safe in a queue; rejects with UnroutableMessageError, UnconfirmedMessageError
   */
  send(
    { exchange, routingKey }: PublishTarget,
    content: Buffer,
    options: Options.Publish & { readonly messageId: string },
  ): { readonly hasRoom: boolean; readonly confirmed: Promise<void> } {
    const { promise: confirmed, resolve, reject } = Promise.withResolvers<void>();
    const onConfirm = (error: Error | null): void => {
      this.#onConfirm();
      const returned = this.#returned.get(options.messageId);
      this.#returned.delete(options.messageId);
      if (error !== null) reject(new UnconfirmedMessageError(`the broker has not confirmed: ${error.message}`));
      else if (returned === undefined) resolve();
      else reject(new UnroutableMessageError(`no queue takes messages for ${exchange} ${routingKey}: ${returned}`));
    };
    const allOptions = { ...options, persistent: true, mandatory: true };
    try {
      const hasRoom = this.#channel.publish(exchange, routingKey, content, allOptions, onConfirm);
      this.#unconfirmedCount += 1;
      this.#timer ??= setTimeout(() => this.#onSilence(), this.#patience.timeoutMs);
      return { hasRoom, confirmed };
    } catch (error) {
      reject(new UnconfirmedMessageError('the channel is closed', { cause: error }));
      return { hasRoom: false, confirmed };
    }
  }

  #onConfirm(): void {
    this.#unconfirmedCount -= 1;
    if (this.#unconfirmedCount > 0) {
      this.#timer?.refresh();
      return;
    }
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }

  #onSilence(): void {
    if (this.#patience.isBlocked()) this.#timer?.refresh();
    else this.#patience.onTimeout();
  }
}
