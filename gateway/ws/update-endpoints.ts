import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import { ApiError } from '../rest/errors.ts';
import { publicInstrument } from '../rest/query-fields.ts';
import { CloseCode, type SocketLink } from './socket-link.ts';
import type { SocketEndpoint, SocketSession } from './socket-server.ts';
import { type FrameParts, frameText } from './update-frames.ts';
import type { UpdateFollower, UpdateHub } from './update-hub.ts';
import { readSelection, type UpdateSelection } from './update-selection.ts';

/** `/v1/marketdata/{symbol}` and `/v1/multimarketdata?symbols=…`: the URL says everything, the client says nothing. */
export function updateEndpoints(catalogue: Catalogue, hub: UpdateHub): SocketEndpoint[] {
  const begin = (instruments: readonly Instrument[], isMulti: boolean, query: string) => {
    const parameters = new URLSearchParams(query);
    const selection = readSelection(parameters);
    const hasHeartbeat = parameters.get('heartbeat') === 'true' || parameters.get('heartbeat') === '1';
    return (link: SocketLink) => new UpdateSession(link, hub, instruments, { selection, isMulti, hasHeartbeat });
  };
  return [
    {
      pattern: '/v1/marketdata/:symbol',
      accept: ({ parameter, query }) => begin([publicInstrument(catalogue, parameter)], false, query),
    },
    {
      pattern: '/v1/multimarketdata',
      accept({ query }) {
        const symbols = (new URLSearchParams(query).get('symbols') ?? '').split(',').filter((symbol) => symbol !== '');
        if (symbols.length === 0)
          throw new ApiError('Bad Request', 'Name the symbols to follow: ?symbols=BTCUSD,ETHUSD');
        const instruments = new Set(symbols.map((symbol) => publicInstrument(catalogue, symbol)));
        return begin([...instruments], true, query);
      },
    },
  ];
}

interface SessionSettings {
  readonly selection: UpdateSelection;
  readonly isMulti: boolean;
  readonly hasHeartbeat: boolean;
}

class UpdateSession implements SocketSession, UpdateFollower {
  readonly selection: UpdateSelection;
  readonly isMulti: boolean;
  readonly #link: SocketLink;
  readonly #hub: UpdateHub;
  readonly #instruments: readonly Instrument[];
  readonly #hasHeartbeat: boolean;
  #socketSequence = 0; // of the next frame

  constructor(link: SocketLink, hub: UpdateHub, instruments: readonly Instrument[], settings: SessionSettings) {
    this.selection = settings.selection;
    this.isMulti = settings.isMulti;
    this.#hasHeartbeat = settings.hasHeartbeat;
    this.#link = link;
    this.#hub = hub;
    this.#instruments = instruments;
    for (const instrument of instruments) {
      hub.follow(this, instrument.instrumentId);
      link.sendSnapshot(Buffer.from(this.#numbered(hub.initialFrame(this, instrument))));
    }
  }

  onFrame(frame: FrameParts): void {
    this.#link.send(this.#numbered(frame));
  }

  onMessage(): void {
    this.#link.end(CloseCode.POLICY, 'this socket takes no messages: its URL says what it sends');
  }

  onHeartbeat(): void {
    if (this.#hasHeartbeat)
      this.#link.send(this.#numbered({ head: '{"type":"heartbeat","socket_sequence":', tail: '}' }));
  }

  onClose(): void {
    for (const { instrumentId } of this.#instruments) this.#hub.unfollow(this, instrumentId);
  }

  #numbered(frame: FrameParts): string {
    const text = frameText(frame, this.#socketSequence);
    this.#socketSequence += 1;
    return text;
  }
}
