import type { ConfirmChannel } from 'amqplib';
import type { ConfirmedPublish } from './confirmed-publish.ts';
import { batchOptions } from './event-batch-message.ts';
import type { PublisherLane } from './publisher-lane.ts';

/** One channel of the publisher, from when its queues are there until it is lost. */
export class PublisherSession {
  readonly channel: ConfirmChannel;
  readonly #publish: ConfirmedPublish;
  #hasRoom = true;
  #sentCount = 0;

  /** @param onRoom called when a full socket takes more again */
  constructor(channel: ConfirmChannel, publish: ConfirmedPublish, onRoom: () => void) {
    this.channel = channel;
    this.#publish = publish;
    channel.on('drain', () => {
      this.#hasRoom = true;
      onRoom();
    });
  }

  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  /** Sends the lane's pending events. @returns once a queue has them; rejects as ConfirmedPublish does */
  send(lane: PublisherLane): Promise<void> {
    const { header, body } = lane.takeBatch();
    this.#sentCount += 1;
    const options = batchOptions(`${lane.queue} ${header.lastSequence} ${this.#sentCount}`, header);
    const { hasRoom, confirmed } = this.#publish.send({ exchange: '', routingKey: lane.queue }, body, options);
    this.#hasRoom = hasRoom;
    return confirmed;
  }
}
