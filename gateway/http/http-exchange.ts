import type { HttpResponse } from 'uWebSockets.js';
import { type Reply, statusLine } from './reply.ts';

/**
 * One request's answer, sent at most once. The client may be gone at any moment: the native response must not be
 * touched from then on, so nobody else holds it.
 */
export class HttpExchange {
  readonly #response: HttpResponse;
  readonly #isHead: boolean;
  #isOpen = true;

  /** Call within the request's handler, before anything is awaited. */
  constructor(response: HttpResponse, isHead: boolean) {
    this.#response = response;
    this.#isHead = isHead;
    response.onAborted(() => {
      this.#isOpen = false;
    });
  }

  /** Sends the answer. Does nothing when the client is gone or was answered before. */
  send(reply: Reply): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const response = this.#response;
    response.cork(() => {
      response.writeStatus(statusLine(reply.status)).writeHeader('Content-Type', reply.contentType);
      for (const [name, value] of reply.headers ?? []) response.writeHeader(name, value);
      if (this.#isHead) response.endWithoutBody(Buffer.byteLength(reply.body));
      else response.end(reply.body);
    });
  }

  /**
   * Reads the body and throws it away: signed requests carry everything in their headers, and whatever a client puts
   * into the body must neither be read nor disturb the next request on its connection.
   * @param onEnd called once, when the body has ended within the limit
   * @param onTooLarge called once instead, as soon as it is longer; what still comes is ignored
   */
  discardBody(maxBytes: number, onEnd: () => void, onTooLarge: () => void): void {
    this.#receive(maxBytes, () => {}, onEnd, onTooLarge);
  }

  /** The same, but keeps the body. */
  readBody(maxBytes: number, onEnd: (body: Buffer) => void, onTooLarge: () => void): void {
    const chunks: Buffer[] = [];
    // A chunk's memory is the server's own and gone when the handler returns.
    const keep = (chunk: ArrayBuffer): void => void chunks.push(Buffer.from(new Uint8Array(chunk)));
    this.#receive(maxBytes, keep, () => onEnd(Buffer.concat(chunks)), onTooLarge);
  }

  #receive(maxBytes: number, take: (chunk: ArrayBuffer) => void, onEnd: () => void, onTooLarge: () => void): void {
    let receivedBytes = 0;
    let isDecided = false;
    this.#response.onData((chunk, isLast) => {
      if (isDecided) return;
      receivedBytes += chunk.byteLength;
      if (receivedBytes <= maxBytes) take(chunk);
      if (receivedBytes > maxBytes) {
        isDecided = true;
        onTooLarge();
      } else if (isLast) {
        isDecided = true;
        onEnd();
      }
    });
  }
}
