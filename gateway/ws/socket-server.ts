import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from 'uWebSockets.js';
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../../core/ports/clock.ts';
import { rateLimited, type SignedRequest } from '../auth/authenticator.ts';
import { HttpExchange } from '../http/http-exchange.ts';
import { ApiError, tryLater } from '../rest/errors.ts';
import type { RateLimiter } from '../rest/rate-limiter.ts';
import { CloseCode, DEFAULT_BUFFER_BYTES, MAX_BUFFER_BYTES, SocketLink } from './socket-link.ts';

/** A request to become a socket. */
export interface SocketRequest extends SignedRequest {
  readonly parameter: string; // what stands at the path's `:…`, '' without one
}

/** What goes on on one open socket. */
export interface SocketSession {
  onMessage(text: string): void;
  /** Comes every HEARTBEAT_MS. */
  onHeartbeat(nowMs: number): void;
  onClose(): void;
}

export interface SocketEndpoint {
  readonly pattern: string; // `/v1/marketdata/:symbol`
  /**
   * Decides whether a request may become a socket.
   * @returns what to begin once it is open
   * @throws ApiError, which is the answer instead
   */
  accept(request: SocketRequest): (link: SocketLink) => SocketSession;
}

export interface SocketServerOptions {
  readonly endpoints: readonly SocketEndpoint[];
  readonly publicLimiter: RateLimiter | null; // counts connects by address; null for no limit
  readonly clock: Clock;
  readonly logger: Logger;
  readonly bufferBytes?: number; // a client's unread bytes; 1 MiB by default
}

interface SocketData {
  readonly start: (link: SocketLink) => SocketSession;
  link: SocketLink | null;
  session: SocketSession | null;
}

export const HEARTBEAT_MS = 5_000;
const MAX_SOCKETS = 20_000;
/** Longer ones are answered with a close code; beyond the second bound the connection is cut without reading on. */
const MAX_MESSAGE_BYTES = 16 * 1024;
const MAX_PAYLOAD_BYTES = 256 * 1024;
const IDLE_TIMEOUT_SECONDS = 60;

/** Every WebSocket of the exchange. Whatever a client sends ends at most its own socket. */
export class SocketServer {
  readonly #options: SocketServerOptions;
  readonly #open = new Set<SocketData>();
  #heartbeat: NodeJS.Timeout | null = null;

  constructor(options: SocketServerOptions) {
    this.#options = options;
  }

  get socketCount(): number {
    return this.#open.size;
  }

  /** Adds the sockets' paths to an app that serves HTTP as well. */
  attach(app: TemplatedApp): void {
    for (const endpoint of this.#options.endpoints)
      app.ws<SocketData>(endpoint.pattern, {
        maxPayloadLength: MAX_PAYLOAD_BYTES,
        maxBackpressure: MAX_BUFFER_BYTES,
        idleTimeout: IDLE_TIMEOUT_SECONDS, // a client that does not even answer our pings is gone
        sendPingsAutomatically: true,
        upgrade: (response, request, context) => this.#upgrade(endpoint, response, request, context),
        open: (socket) => this.#opened(socket),
        message: (socket, message) => this.#received(socket, message),
        drain: (socket) => socket.getUserData().link?.onDrain(),
        close: (socket) => this.#closed(socket.getUserData()),
      });
  }

  /** Tells every client that the exchange goes away. */
  close(): void {
    for (const { link } of [...this.#open]) link?.end(CloseCode.GOING_AWAY, 'the exchange is shutting down');
  }

  #upgrade(endpoint: SocketEndpoint, response: HttpResponse, request: HttpRequest, context: us_socket_context_t): void {
    try {
      this.#takeShare(response);
      const start = endpoint.accept({
        path: request.getUrl(),
        query: request.getQuery() ?? '',
        parameter: request.getParameter(0) ?? '',
        apiKey: request.getHeader('x-gemini-apikey'),
        payload: request.getHeader('x-gemini-payload'),
        signature: request.getHeader('x-gemini-signature'),
      });
      const data: SocketData = { start, link: null, session: null };
      response.upgrade(
        data,
        request.getHeader('sec-websocket-key'),
        request.getHeader('sec-websocket-protocol'),
        request.getHeader('sec-websocket-extensions'),
        context,
      );
    } catch (error) {
      new HttpExchange(response, false).send(this.#refusal(error, endpoint));
    }
  }

  #takeShare(response: HttpResponse): void {
    if (this.#open.size >= MAX_SOCKETS) throw tryLater(`All ${MAX_SOCKETS} sockets are taken`, 5);
    const { publicLimiter } = this.#options;
    if (publicLimiter === null) return;
    const waitMs = publicLimiter.take(Buffer.from(response.getRemoteAddressAsText()).toString('latin1'));
    if (waitMs > 0) throw rateLimited(waitMs);
  }

  #refusal(error: unknown, { pattern }: SocketEndpoint) {
    if (error instanceof ApiError) return error.reply();
    const correlationId = randomUUID();
    this.#options.logger.error({ correlationId, pattern, err: error }, 'a socket could not be opened');
    return new ApiError('System', `Internal error; ask support about ${correlationId}`).reply();
  }

  #opened(socket: WebSocket<SocketData>): void {
    const data = socket.getUserData();
    const { clock, bufferBytes } = this.#options;
    data.link = new SocketLink(socket, bufferBytes ?? DEFAULT_BUFFER_BYTES);
    this.#open.add(data);
    this.#heartbeat ??= setInterval(() => this.#beat(clock.nowMs()), HEARTBEAT_MS).unref();
    const { link, start } = data;
    this.#guarded(link, () => {
      const session = start(link);
      if (link.isOpen) data.session = session;
      else session.onClose(); // its first message ended it: the close came before anybody could be told
    });
  }

  #received(socket: WebSocket<SocketData>, message: ArrayBuffer): void {
    const { link, session } = socket.getUserData();
    if (link === null || session === null) return;
    if (message.byteLength > MAX_MESSAGE_BYTES) {
      link.end(CloseCode.TOO_BIG, `a message may have ${MAX_MESSAGE_BYTES} bytes at most`);
      return;
    }
    const text = Buffer.from(message).toString(); // text frames were checked to be UTF-8
    this.#guarded(link, () => session.onMessage(text));
  }

  #closed(data: SocketData): void {
    data.link?.onClosed();
    this.#open.delete(data);
    data.session?.onClose();
    if (this.#open.size > 0 || this.#heartbeat === null) return;
    clearInterval(this.#heartbeat); // an exchange at rest does not run
    this.#heartbeat = null;
  }

  #beat(nowMs: number): void {
    for (const { link, session } of [...this.#open]) {
      if (link !== null && session !== null) this.#guarded(link, () => session.onHeartbeat(nowMs));
    }
  }

  /** One socket's trouble is its own. */
  #guarded(link: SocketLink, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a socket failed');
      link.end(CloseCode.INTERNAL, 'internal error');
    }
  }
}
