import { randomBytes } from 'node:crypto';
import type { ApiKey, KeyStore } from '../../core/ports/keys.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { OrderEvent, OrderEventFollower, OrderEventHub } from './order-event-hub.ts';
import { CloseCode, type SocketLink } from './socket-link.ts';
import type { SocketEndpoint, SocketSession } from './socket-server.ts';

interface Filters {
  readonly symbols: readonly string[]; // lower case; none means all, as in the others
  readonly apiSessions: readonly string[];
  readonly eventTypes: readonly string[];
}

/** Values of one filter: more than there are markets, keys and types in any sensible URL. */
const MAX_FILTER_VALUES = 100;

/** `/v1/order/events`: an account's orders, live. The request is signed as a REST call is, its filters stand in the URL. */
export function orderEventEndpoint(
  authenticator: Authenticator,
  keyStore: KeyStore,
  hub: OrderEventHub,
): SocketEndpoint {
  return {
    pattern: '/v1/order/events',
    accept(request) {
      const { apiKey } = authenticator.authenticate(request, ['trader', 'auditor']);
      const query = new URLSearchParams(request.query);
      const values = (name: string): string[] => query.getAll(name).slice(0, MAX_FILTER_VALUES);
      const filters: Filters = {
        symbols: values('symbolFilter').map((symbol) => symbol.toLowerCase()),
        apiSessions: values('apiSessionFilter'),
        eventTypes: values('eventTypeFilter'),
      };
      const hasHeartbeat = query.get('heartbeat') !== 'false'; // both defaults are documented; sending it is safe
      const isValid = (): boolean => keyStore.find(apiKey.key) !== undefined;
      return (link) => new OrderEventSession(link, hub, { apiKey, isValid, filters, hasHeartbeat });
    },
  };
}

interface SessionSettings {
  readonly apiKey: ApiKey;
  readonly isValid: () => boolean; // false once the key is revoked
  readonly filters: Filters;
  readonly hasHeartbeat: boolean;
}

class OrderEventSession implements SocketSession, OrderEventFollower {
  readonly #link: SocketLink;
  readonly #hub: OrderEventHub;
  readonly #accountId: number;
  readonly #filters: Filters;
  readonly #hasHeartbeat: boolean;
  readonly #isValid: () => boolean;
  readonly #traceId = randomBytes(8).toString('hex');
  #socketSequence = 0; // of the next event or heartbeat
  #heartbeats = 0;

  constructor(link: SocketLink, hub: OrderEventHub, { apiKey, isValid, filters, hasHeartbeat }: SessionSettings) {
    this.#link = link;
    this.#hub = hub;
    this.#accountId = apiKey.accountId;
    this.#isValid = isValid;
    this.#filters = filters;
    this.#hasHeartbeat = hasHeartbeat;
    link.send(
      JSON.stringify({
        type: 'subscription_ack',
        accountId: this.#accountId,
        subscriptionId: `ws-order-events-${this.#accountId}-${this.#traceId}`,
        symbolFilter: filters.symbols,
        apiSessionFilter: filters.apiSessions,
        eventTypeFilter: filters.eventTypes,
      }),
    );
    hub.follow(this, this.#accountId);
    for (const event of hub.initial(this.#accountId)) {
      const message = this.#messageOf(event);
      if (message !== null) link.sendSnapshot(Buffer.from(message));
    }
  }

  onOrderEvent(event: OrderEvent): void {
    const message = this.#messageOf(event);
    if (message !== null) this.#link.send(message);
  }

  onMessage(): void {
    this.#link.end(CloseCode.POLICY, 'this socket takes no messages: its URL says what it sends');
  }

  onHeartbeat(nowMs: number): void {
    if (!this.#isValid()) {
      this.#link.end(CloseCode.POLICY, 'the key was revoked');
      return;
    }
    if (!this.#hasHeartbeat) return;
    const heartbeat = { type: 'heartbeat', timestampms: nowMs, sequence: this.#heartbeats, trace_id: this.#traceId };
    this.#heartbeats += 1;
    this.#link.send(JSON.stringify({ ...heartbeat, socket_sequence: this.#nextSequence() }));
  }

  onClose(): void {
    this.#hub.unfollow(this, this.#accountId);
  }

  /** One event per array: then one number per event and one per message are the same. @returns null when filtered out */
  #messageOf({ type, symbol, apiSession, fields }: OrderEvent): string | null {
    const { symbols, apiSessions, eventTypes } = this.#filters;
    if (symbols.length > 0 && !symbols.includes(symbol)) return null;
    if (apiSessions.length > 0 && !apiSessions.includes(apiSession)) return null;
    if (eventTypes.length > 0 && !eventTypes.includes(type)) return null;
    return JSON.stringify([{ type, socket_sequence: this.#nextSequence(), ...fields }]);
  }

  #nextSequence(): number {
    const sequence = this.#socketSequence;
    this.#socketSequence += 1;
    return sequence;
  }
}
