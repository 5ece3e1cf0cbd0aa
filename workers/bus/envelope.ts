import { inspect } from 'node:util';
import type { Message, Options } from 'amqplib';

/**
 * What every message of the feed says of itself. AMQP properties `messageId` and `type`; headers `version` and what its
 * type adds, all whole numbers from 0 to 2^53 - 1. Other headers are passed over. (None is ever forwarded, so none counts
 * hops, as jobs do.)
 */
export interface MessageEnvelope {
  /** The same for each copy of the message. */
  readonly messageId: string;
  readonly type: string;
  /** Of the type's layout: a program refuses one that it does not know. */
  readonly version: number;
}

/** A message that can't be understood, however often it comes. */
export class PoisonMessageError extends Error {
  override readonly name = 'PoisonMessageError';
  readonly code = 'POISON_MESSAGE';
}

/** Of what somebody else has sent, in a sentence of ours. */
const MAX_SHOWN_CHARACTERS = 80;

/** @param fields headers that the type adds */
export function envelopeOptions(
  envelope: MessageEnvelope,
  fields: Readonly<Record<string, number>> = {},
): Options.Publish & { readonly messageId: string } {
  const { messageId, type, version } = envelope;
  return { messageId, type, headers: { version, ...fields } };
}

/** @throws PoisonMessageError */
export function readEnvelope(message: Message): MessageEnvelope {
  const { messageId, type } = message.properties as { messageId: unknown; type: unknown };
  if (typeof messageId !== 'string' || messageId === '') throw new PoisonMessageError('a message without message id');
  if (typeof type !== 'string' || type === '') throw new PoisonMessageError(`message ${messageId} has no type`);
  return { messageId, type, version: readField(message, 'version') };
}

/** @returns a whole number of the headers @throws PoisonMessageError */
export function readField(message: Message, name: string): number {
  const value: unknown = message.properties.headers?.[name];
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new PoisonMessageError(
      `message ${String(message.properties.messageId)}: header ${name} is ${shown(value)}, not a whole number from 0`,
    );
  return value as number;
}

/** Whatever it is: a header may be a table, of any names and size. */
function shown(value: unknown): string {
  return inspect(value).slice(0, MAX_SHOWN_CHARACTERS);
}
