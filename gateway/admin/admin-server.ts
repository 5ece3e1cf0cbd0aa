import { App, type HttpRequest, type HttpResponse } from 'uWebSockets.js';
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Logger } from 'pino';
import { HttpExchange } from '../http/http-exchange.ts';
import { Listening } from '../http/listening.ts';
import { errorReply, jsonReply, type Reply } from '../http/reply.ts';

const MAX_BODY_BYTES = 64 * 1024;

/** One call of the operator. What it resolves to is the answer's JSON. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  answer(): Promise<unknown> | unknown;
}

export interface AdminServerOptions {
  readonly token: string; // every call carries it: `Authorization: Bearer …`
  readonly routes: readonly AdminRoute[];
  readonly logger: Logger;
}

/** @param status what the exchange is doing: sequences, watermarks, counts, without bigint */
export function statusRoutes(status: () => Promise<unknown>): AdminRoute[] {
  return [
    { method: 'GET', path: '/health', answer: () => ({ result: 'ok' }) },
    { method: 'GET', path: '/status', answer: status },
  ];
}

/** The operator's own door. Listens on loopback, and nothing is answered without the token. */
export class AdminServer {
  readonly #routes: ReadonlyMap<string, AdminRoute>;
  readonly #tokenDigest: Buffer;
  readonly #logger: Logger;
  readonly #app = App();
  #listening: Listening | null = null;

  constructor({ token, routes, logger }: AdminServerOptions) {
    this.#routes = new Map(routes.map((route) => [route.path, route]));
    this.#tokenDigest = digest(`Bearer ${token}`);
    this.#logger = logger;
    this.#app.any('/*', (response, request) => this.#accept(response, request));
  }

  /**
   * @returns the port, which matters when 0 was asked for
   * @throws ListenError
   */
  async listen(port: number, host = '127.0.0.1'): Promise<number> {
    this.#listening = await Listening.on(this.#app, host, port);
    return this.#listening.port;
  }

  /** Ends every connection at once. */
  close(): void {
    this.#listening?.close();
    this.#listening = null;
  }

  #accept(response: HttpResponse, request: HttpRequest): void {
    const method = request.getMethod();
    const path = request.getUrl();
    const isAuthorized = timingSafeEqual(digest(request.getHeader('authorization')), this.#tokenDigest);
    const exchange = new HttpExchange(response, method === 'head');
    exchange.discardBody(
      MAX_BODY_BYTES,
      () => void this.#answer(exchange, method, path, isAuthorized),
      () => exchange.send(errorReply(413, 'RequestTooLarge', `A body may have ${MAX_BODY_BYTES} bytes at most`)),
    );
  }

  async #answer(exchange: HttpExchange, method: string, path: string, isAuthorized: boolean): Promise<void> {
    exchange.send(await this.#reply(method, path, isAuthorized));
  }

  async #reply(method: string, path: string, isAuthorized: boolean): Promise<Reply> {
    if (!isAuthorized)
      return errorReply(401, 'Unauthorized', 'This needs the header Authorization: Bearer with the admin token', [
        ['WWW-Authenticate', 'Bearer'],
      ]);
    const route = this.#routes.get(path);
    if (route === undefined) return errorReply(404, 'EndpointNotFound', 'There is no such admin endpoint');
    const asked = method === 'head' ? 'GET' : method.toUpperCase();
    if (asked !== route.method)
      return errorReply(405, 'MethodNotAllowed', `${path} takes ${route.method} only`, [['Allow', route.method]]);
    try {
      return jsonReply(await route.answer());
    } catch (error) {
      const correlationId = randomUUID();
      this.#logger.error({ correlationId, path, err: error }, 'an admin request failed');
      return errorReply(500, 'System', `Internal error; the log says more under ${correlationId}`);
    }
  }
}

/** Digests have one length, so that comparing them tells nothing about the token's. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
