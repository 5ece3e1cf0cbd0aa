/**
 * Loaded into a process of ours by `node --import`, before anything of it, so that a relay can stand between publisher and
 * workers, and batches can be cut otherwise than an earlier process has cut them. The program has no switch for either.
 * - RINGBOOK_TEST_FEED_SUFFIX: a worker subscribes the queues of another namespace, which ends with this.
 * - RINGBOOK_TEST_BATCH_EVENTS: a publisher's messages hold so many events at most.
 */
import { AmqpConnection } from '../../../workers/bus/amqp-connection.ts';
import { PublisherLane } from '../../../workers/bus/publisher-lane.ts';

const { RINGBOOK_TEST_FEED_SUFFIX: suffix = '', RINGBOOK_TEST_BATCH_EVENTS: most = '' } = process.env;
if (suffix === '' && most === '')
  throw new Error('RINGBOOK_TEST_FEED_SUFFIX or RINGBOOK_TEST_BATCH_EVENTS must be set');
if (suffix !== '') subscribeElsewhere();
if (most !== '') cutBatches(Number(most));

function subscribeElsewhere(): void {
  const elsewhere = (queue: string): string => queue.replace('.events.', `${suffix}.events.`);
  const { keepChannel } = AmqpConnection.prototype;
  AmqpConnection.prototype.keepChannel = function (this: AmqpConnection, settings) {
    const onOpen: typeof settings.onOpen = (channel) => {
      const { checkQueue, consume } = channel;
      channel.checkQueue = (queue) => checkQueue.call(channel, elsewhere(queue));
      channel.consume = (queue, ...rest) => consume.call(channel, elsewhere(queue), ...rest);
      return settings.onOpen(channel);
    };
    return keepChannel.call(this, { ...settings, onOpen });
  };
}

function cutBatches(mostEvents: number): void {
  const { tryTake, takeBatch, rewind } = PublisherLane.prototype;
  const pending = new WeakMap<PublisherLane, number>();
  PublisherLane.prototype.tryTake = function (this: PublisherLane, ...args) {
    const events = pending.get(this) ?? 0;
    const isTaken = events < mostEvents && tryTake.apply(this, args);
    if (isTaken) pending.set(this, events + 1);
    return isTaken;
  };
  PublisherLane.prototype.takeBatch = function (this: PublisherLane) {
    pending.delete(this);
    return takeBatch.call(this);
  };
  PublisherLane.prototype.rewind = function (this: PublisherLane, ...args) {
    pending.delete(this);
    rewind.apply(this, args);
  };
}
