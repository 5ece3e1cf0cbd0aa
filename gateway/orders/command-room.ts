import { type ApiError, tryLater } from '../rest/errors.ts';
import type { CommandPublisher } from './command-publisher.ts';

/** Room in the command ring for what clients ask for, until the exchange closes. Each refusal says to try again. */
export class CommandRoom {
  readonly #publisher: CommandPublisher;
  #isOpen = true;

  constructor(publisher: CommandPublisher) {
    this.#publisher = publisher;
  }

  /** From now on nothing is taken. */
  close(): void {
    this.#isOpen = false;
  }

  /** @throws ApiError while the exchange shuts down */
  requireOpen(): void {
    if (!this.#isOpen) throw tryLater('The exchange is shutting down', 5);
  }

  /** As requireOpen, for what adds to the disk. @throws ApiError also while it is full */
  requireSpace(): void {
    this.requireOpen();
    if (this.#publisher.isDiskFull) throw tryLater('The exchange waits for disk space and takes no new orders', 5);
  }

  /** @throws ApiError when the ring has no room */
  reserve(slots: number): void {
    if (!this.#publisher.tryReserve(slots)) throw busy();
  }
}

/** @returns what a command is answered that finds no room in the ring */
export function busy(): ApiError {
  return tryLater('The exchange is busy; nothing was taken, try again');
}
