import type { HoldAnswer, Ledger } from '../../../core/ports/ledger.ts';

export type HoldRequest = Parameters<Ledger['hold']>[0];

interface Waiting {
  readonly request: HoldRequest;
  readonly answered: PromiseWithResolvers<HoldAnswer>;
}

/** Holds of one call at most: more of one turn go in several, one behind the other. */
const MAX_HOLDS = 256;

/** Gathers the holds of one turn of the event loop, so that Redis is asked once for all of them. */
export class HoldCalls {
  readonly #send: (requests: readonly HoldRequest[]) => Promise<readonly (HoldAnswer | Error)[]>;
  #waiting: Waiting[] = [];

  /** @param send answers in the order of the requests, an error for one that failed; a rejection is everybody's */
  constructor(send: (requests: readonly HoldRequest[]) => Promise<readonly (HoldAnswer | Error)[]>) {
    this.#send = send;
  }

  add(request: HoldRequest): Promise<HoldAnswer> {
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    const answered = Promise.withResolvers<HoldAnswer>();
    this.#waiting.push({ request, answered });
    return answered.promise;
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < waiting.length; from += MAX_HOLDS) {
      const call = waiting.slice(from, from + MAX_HOLDS);
      this.#send(call.map(({ request }) => request)).then(
        (answers) => {
          for (const [index, { answered }] of call.entries()) {
            const answer = answers[index]!;
            if (answer instanceof Error) answered.reject(answer);
            else answered.resolve(answer);
          }
        },
        (error: unknown) => {
          for (const { answered } of call) answered.reject(error);
        },
      );
    }
  }
}
