import type { WebSocket } from 'uWebSockets.js';

/** Why we end a socket, as the close frame says it (RFC 6455). */
export const CloseCode = {
  GOING_AWAY: 1001,
  POLICY: 1008, // the client breaks a rule
  TOO_BIG: 1009,
  INTERNAL: 1011,
  TRY_AGAIN: 1013, // the client reads too slowly: it may come back and begin anew
} as const;
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

/** What uWebSockets.js answers to a send that it threw away. The others: 1 sent, 0 taken into the buffer. */
const DROPPED = 2;

/** Unread bytes, beyond its snapshots, with which a client may lag. */
export const DEFAULT_BUFFER_BYTES = 1 << 20;
/** A hard bound far above: nothing we send alone comes near it. */
export const MAX_BUFFER_BYTES = 64 << 20;

/**
 * The sending end of one socket, with a bounded buffer. Nothing is ever left out for a client that lags: either it gets
 * everything in order, or its socket is ended with TRY_AGAIN. The native socket must not be touched once it is closed, so
 * nobody else holds it.
 */
export class SocketLink {
  readonly #socket: WebSocket<unknown>;
  readonly #bufferBytes: number;
  #snapshotBytes = 0; // in snapshots that may still be unread
  #isOpen = true;

  constructor(socket: WebSocket<unknown>, bufferBytes: number) {
    this.#socket = socket;
    this.#bufferBytes = bufferBytes;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Sends text messages in order, in one write. Does nothing when the socket is closed. */
  send(...messages: readonly (string | Buffer)[]): void {
    if (!this.#isOpen) return;
    let isDropped = false;
    this.#socket.cork(() => {
      for (const message of messages) isDropped ||= this.#socket.send(message, false) === DROPPED;
    });
    if (isDropped || this.#socket.getBufferedAmount() > this.#bufferBytes + this.#snapshotBytes)
      this.end(CloseCode.TRY_AGAIN, 'you read too slowly: connect again for a new snapshot');
  }

  /** The same for a message whose size is the book's, not the client's fault: it gives the client so much more room. */
  sendSnapshot(snapshot: Buffer): void {
    if (!this.#isOpen) return;
    this.#snapshotBytes += snapshot.byteLength;
    this.send(snapshot);
  }

  /** Ends the socket after what it has still to read. */
  end(code: CloseCode, reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socket.end(code, reason);
  }

  /** The native socket has sent something of what it had buffered. */
  onDrain(): void {
    if (this.#isOpen && this.#socket.getBufferedAmount() === 0) this.#snapshotBytes = 0;
  }

  /** The native socket is gone. */
  onClosed(): void {
    this.#isOpen = false;
  }
}
