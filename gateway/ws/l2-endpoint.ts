import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import { echo } from '../rest/errors.ts';
import type { L2Hub } from './l2-hub.ts';
import { CloseCode, type SocketLink } from './socket-link.ts';
import type { SocketEndpoint, SocketSession } from './socket-server.ts';

/** Messages that a client may send at once, and again in every heartbeat's time: each may ask for a whole book. */
const MAX_MESSAGES_PER_BEAT = 100;

/** `/v2/marketdata`: the client says what it wants to follow, at any time. */
export function l2Endpoint(catalogue: Catalogue, hub: L2Hub): SocketEndpoint {
  return { pattern: '/v2/marketdata', accept: () => (link) => new L2Session(link, catalogue, hub) };
}

interface Wish {
  readonly isSubscribe: boolean;
  readonly instruments: readonly Instrument[];
}

class L2Session implements SocketSession {
  readonly #link: SocketLink;
  readonly #catalogue: Catalogue;
  readonly #hub: L2Hub;
  readonly #followed = new Set<number>(); // instrument ids
  readonly #everFollowed = new Set<number>();
  #messagesLeft = MAX_MESSAGES_PER_BEAT;

  constructor(link: SocketLink, catalogue: Catalogue, hub: L2Hub) {
    this.#link = link;
    this.#catalogue = catalogue;
    this.#hub = hub;
  }

  onMessage(text: string): void {
    this.#messagesLeft -= 1;
    if (this.#messagesLeft < 0) {
      this.#link.end(CloseCode.POLICY, 'too many messages');
      return;
    }
    const wish = readWish(text, this.#catalogue);
    if ('reason' in wish) {
      this.#link.send(JSON.stringify({ result: 'error', ...wish }));
      return;
    }
    for (const instrument of wish.instruments) {
      if (!this.#link.isOpen) return; // the snapshot before this one was too much for the client
      if (wish.isSubscribe) {
        const isFirst = !this.#everFollowed.has(instrument.instrumentId);
        this.#everFollowed.add(instrument.instrumentId);
        this.#followed.add(instrument.instrumentId);
        this.#hub.follow(this.#link, instrument, isFirst);
      } else if (this.#followed.delete(instrument.instrumentId)) {
        this.#hub.unfollow(this.#link, instrument.instrumentId);
      }
    }
  }

  onHeartbeat(nowMs: number): void {
    this.#messagesLeft = MAX_MESSAGES_PER_BEAT;
    this.#link.send(`{"type":"heartbeat","timestamp":${nowMs}}`);
  }

  onClose(): void {
    for (const instrumentId of this.#followed) this.#hub.unfollow(this.#link, instrumentId);
  }
}

type Problem = { readonly reason: string; readonly message: string };

const SUBSCRIPTION_FORM = '{"type":"subscribe","subscriptions":[{"name":"l2","symbols":["BTCUSD"]}]}';

/** Reads a client's message. Unknown symbols are left out where there are known ones beside them. */
function readWish(text: string, catalogue: Catalogue): Wish | Problem {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { reason: 'InvalidJson', message: 'The message is not JSON' };
  }
  const { type, subscriptions } = asRecord(message);
  if ((type !== 'subscribe' && type !== 'unsubscribe') || !Array.isArray(subscriptions))
    return { reason: 'InvalidJson', message: `The message must look like ${SUBSCRIPTION_FORM}` };
  const instruments = new Set<Instrument>();
  for (const subscription of subscriptions as readonly unknown[]) {
    const { name, symbols } = asRecord(subscription);
    if (typeof name !== 'string' || !Array.isArray(symbols))
      return { reason: 'InvalidJson', message: `The message must look like ${SUBSCRIPTION_FORM}` };
    if (name !== 'l2')
      return { reason: 'UnsupportedOption', message: `There is no subscription ${echo(name)}; there is l2` };
    for (const symbol of symbols as readonly unknown[]) {
      const instrument = typeof symbol === 'string' ? catalogue.instrumentBySymbol(symbol.toLowerCase()) : undefined;
      if (instrument !== undefined) instruments.add(instrument);
    }
  }
  if (instruments.size === 0)
    return { reason: 'NoValidTradingPairs', message: 'None of the symbols is known; /v1/symbols lists all' };
  return { isSubscribe: type === 'subscribe', instruments: [...instruments] };
}

/** @returns the value when it is an object, else one without any field */
function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
