import { parentPort } from 'node:worker_threads';
import { fail } from '../assert.ts';
import type { EngineThreadMessage, JournalThreadMessage, ThreadFailed } from './thread-messages.ts';

/** Tells the main thread something. */
export type Post<Message> = (message: Message) => void;

/**
 * Runs a thread's whole life: what it throws reaches the main thread with its code and text, which errors lose when
 * they are cloned between threads. Ends without 'stopped' in that case, which the main thread takes for a death.
 */
export function runThread<Message extends EngineThreadMessage | JournalThreadMessage>(
  body: (post: Post<Message | ThreadFailed>) => void,
): void {
  const port = parentPort;
  if (port === null) fail('a thread entry was started as a program');
  const post: Post<Message | ThreadFailed> = (message) => port.postMessage(message);
  try {
    body(post);
  } catch (error) {
    const known = error instanceof Error ? error : new Error(String(error));
    const { code } = known as { code?: unknown };
    post({
      type: 'failed',
      code: typeof code === 'string' ? code : 'INTERNAL',
      message: known.message,
      stack: known.stack ?? known.message,
    });
  }
}
