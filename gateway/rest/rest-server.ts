import { App, type HttpRequest, type HttpResponse } from 'uWebSockets.js';
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { LedgerUnavailableError } from '../../core/ports/ledger.ts';
import { type Authenticator, rateLimited, type SignedRequest } from '../auth/authenticator.ts';
import { HttpExchange } from '../http/http-exchange.ts';
import { Listening } from '../http/listening.ts';
import { errorReply, type Reply } from '../http/reply.ts';
import type { SocketServer } from '../ws/socket-server.ts';
import { ApiError, echo, tryLater } from './errors.ts';
import type { RateLimiter } from './rate-limiter.ts';
import type { Route, Router } from './router.ts';

/** Nothing here reads a body. Clients that send one send their few fields again. */
const MAX_BODY_BYTES = 64 * 1024;

/** What is left of a request once its handler has returned: the native one must not be touched afterwards. */
interface IncomingRequest extends SignedRequest {
  readonly method: string; // lower case
  readonly address: string; // '' when nothing is counted by address
}

export interface RestServerOptions {
  readonly router: Router;
  readonly authenticator: Authenticator;
  /** Counts public requests by address; null for no limit. */
  readonly publicLimiter: RateLimiter | null;
  readonly sockets: SocketServer; // of the same origin
  readonly logger: Logger;
}

/** Public and signed HTTP requests, each answered with JSON whatever happens (but for the one page at `/`). */
export class RestServer {
  readonly #options: RestServerOptions;
  readonly #app = App();
  #listening: Listening | null = null;
  #unanswered = 0; // requests that arrived completely
  #onIdle: (() => void)[] = [];

  constructor(options: RestServerOptions) {
    this.#options = options;
    options.sockets.attach(this.#app);
    this.#app.any('/*', (response, request) => this.#accept(response, request));
  }

  /**
   * @returns the port, which matters when 0 was asked for
   * @throws ListenError
   */
  async listen(host: string, port: number): Promise<number> {
    this.#listening = await Listening.on(this.#app, host, port);
    return this.#listening.port;
  }

  /** @returns when every request that has arrived completely is answered */
  idle(): Promise<void> {
    if (this.#unanswered === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle.push(resolve);
    });
  }

  /** Ends every connection at once. */
  close(): void {
    this.#options.sockets.close();
    this.#listening?.close();
    this.#listening = null;
  }

  #accept(response: HttpResponse, request: HttpRequest): void {
    const method = request.getMethod();
    const exchange = new HttpExchange(response, method === 'head');
    const incoming: IncomingRequest = {
      method,
      path: request.getUrl(),
      query: request.getQuery() ?? '',
      apiKey: request.getHeader('x-gemini-apikey'),
      payload: request.getHeader('x-gemini-payload'),
      signature: request.getHeader('x-gemini-signature'),
      address:
        this.#options.publicLimiter === null ? '' : Buffer.from(response.getRemoteAddressAsText()).toString('latin1'),
    };
    exchange.discardBody(
      MAX_BODY_BYTES,
      () => void this.#answer(exchange, incoming),
      () => exchange.send(errorReply(413, 'RequestTooLarge', `A body may have ${MAX_BODY_BYTES} bytes at most`)),
    );
  }

  async #answer(exchange: HttpExchange, incoming: IncomingRequest): Promise<void> {
    this.#unanswered += 1;
    try {
      exchange.send(await this.#reply(incoming));
    } catch (error) {
      exchange.send(error instanceof ApiError ? error.reply() : this.#unexpected(error, incoming));
    }
    this.#unanswered -= 1;
    if (this.#unanswered > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #reply(incoming: IncomingRequest): Reply | Promise<Reply> {
    const { router, authenticator } = this.#options;
    const route = router.match(incoming.path);
    if (route === undefined) throw new ApiError('EndpointNotFound', `There is no endpoint ${echo(incoming.path)}`);
    const { endpoint } = route;
    if (endpoint.method === 'POST') {
      requireMethod(incoming, endpoint.method);
      return endpoint.answer(authenticator.authenticate(incoming, endpoint.roles), route.parameters);
    }
    if (incoming.method !== 'head') requireMethod(incoming, endpoint.method);
    return this.#publicReply(incoming, route);
  }

  #publicReply(incoming: IncomingRequest, { endpoint, parameters }: Route): Reply | Promise<Reply> {
    const waitMs = this.#options.publicLimiter?.take(incoming.address) ?? 0;
    if (waitMs > 0) throw rateLimited(waitMs);
    if (endpoint.method !== 'GET') throw new ApiError('System', 'a signed endpoint was routed as a public one');
    return endpoint.answer({ parameters, query: new URLSearchParams(incoming.query) });
  }

  #unexpected(error: unknown, incoming: IncomingRequest): Reply {
    // The ledger has told the log of itself, once.
    if (error instanceof LedgerUnavailableError)
      return tryLater(`Balances can't be asked for or moved now (${error.code}); try again`, 5).reply();
    return this.#internalError(error, incoming);
  }

  /** The client gets an id to ask about; what went wrong stands in the log under it. */
  #internalError(error: unknown, { method, path }: IncomingRequest): Reply {
    const correlationId = randomUUID();
    this.#options.logger.error({ correlationId, method, path, err: error }, 'a request failed');
    return new ApiError('System', `Internal error; ask support about ${correlationId}`).reply();
  }
}

function requireMethod({ method, path }: IncomingRequest, allowed: 'GET' | 'POST'): void {
  if (method.toUpperCase() === allowed) return;
  throw new ApiError('MethodNotAllowed', `${echo(path)} takes ${allowed} only`, [['Allow', allowed]]);
}
