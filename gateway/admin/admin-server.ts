import { App, type HttpRequest, type HttpResponse } from 'uWebSockets.js';
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Logger } from 'pino';
import { LedgerUnavailableError } from '../../core/ports/ledger.ts';
import { HttpExchange } from '../http/http-exchange.ts';
import { Listening } from '../http/listening.ts';
import { errorReply, jsonReply, type Reply } from '../http/reply.ts';
import { ApiError } from '../rest/errors.ts';
import { AdminError, type AdminRoute } from './admin-route.ts';

const MAX_BODY_BYTES = 64 * 1024;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

export interface AdminServerOptions {
  readonly token: string; // calls carry it: `Authorization: Bearer …`
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

interface IncomingCall {
  readonly method: string; // lower case
  readonly path: string;
  readonly isAuthorized: boolean;
  readonly body: Buffer;
}

/** The operator's own door. Listens on loopback, and nothing but open routes is answered without the token. */
export class AdminServer {
  readonly #routes: ReadonlyMap<string, AdminRoute>; // by method and path
  readonly #methods = new Map<string, string>(); // that a path takes, by path
  readonly #tokenDigest: Buffer;
  readonly #logger: Logger;
  readonly #app = App();
  #listening: Listening | null = null;

  constructor({ token, routes, logger }: AdminServerOptions) {
    this.#routes = new Map(routes.map((route) => [`${route.method} ${route.path}`, route]));
    for (const { method: taken, path } of routes) {
      const before = this.#methods.get(path);
      this.#methods.set(path, before === undefined ? taken : `${before}, ${taken}`);
    }
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
    exchange.readBody(
      MAX_BODY_BYTES,
      (body) => void this.#answer(exchange, { method, path, isAuthorized, body }),
      () => exchange.send(errorReply(413, 'RequestTooLarge', `A body may have ${MAX_BODY_BYTES} bytes at most`)),
    );
  }

  async #answer(exchange: HttpExchange, incoming: IncomingCall): Promise<void> {
    exchange.send(await this.#reply(incoming));
  }

  async #reply({ method, path, isAuthorized, body }: IncomingCall): Promise<Reply> {
    const route = this.#routes.get(`${method === 'head' ? 'GET' : method.toUpperCase()} ${path}`);
    if (!isAuthorized && route?.isOpen !== true)
      return errorReply(401, 'Unauthorized', 'This needs the header Authorization: Bearer with the admin token', [
        ['WWW-Authenticate', 'Bearer'],
      ]);
    const methods = this.#methods.get(path);
    if (methods === undefined) return errorReply(404, 'EndpointNotFound', 'There is no such admin endpoint');
    if (route === undefined)
      return errorReply(405, 'MethodNotAllowed', `${path} takes ${methods} only`, [['Allow', methods]]);
    const input = parseBody(body);
    if (input instanceof SyntaxError) return errorReply(400, 'InvalidJson', 'The body is not JSON in UTF-8');
    try {
      const answer = await route.answer(input);
      const { contentType } = route;
      return contentType === undefined ? jsonReply(answer) : { status: 200, contentType, body: String(answer) };
    } catch (error) {
      if (error instanceof AdminError) return errorReply(error.status, error.reason, error.message);
      if (error instanceof ApiError) return error.reply();
      if (error instanceof LedgerUnavailableError) return errorReply(503, 'TryLater', unavailableText(error));
      const correlationId = randomUUID();
      this.#logger.error({ correlationId, path, err: error }, 'an admin request failed');
      return errorReply(500, 'System', `Internal error; the log says more under ${correlationId}`);
    }
  }
}

/** An operator may do it again only when nothing was done. */
function unavailableText({ message, isOutcomeKnown }: LedgerUnavailableError): string {
  return isOutcomeKnown
    ? `Nothing was done: ${message}`
    : `Whether it was done is not known: look at what it should have changed before you repeat it. ${message}`;
}

/** @returns undefined for an empty body, a SyntaxError for one that is no JSON */
function parseBody(body: Buffer): unknown {
  if (body.byteLength === 0) return undefined;
  try {
    return JSON.parse(UTF8.decode(body));
  } catch {
    return new SyntaxError();
  }
}

/** Digests have one length, so that comparing them tells nothing about the token's. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
