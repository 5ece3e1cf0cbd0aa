import { commonAmend } from './common-amend.ts';
import { commonCancel } from './common-cancel.ts';
import { commonOrder } from './common-order.ts';
import type { CommonCommand, CommonParts } from './common-parts.ts';

/**
 * Nearly all commands are of three forms: a limit order that reaches nobody, a cancel of an order in the book, and a move
 * that reaches nobody. Each of them is one function here, which checks, changes the book and writes its events in one
 * piece. What it does is what the matcher would do; what is in any way special it leaves to the matcher, refusals too.
 *
 * The functions are closures that are made once an engine: then the compiler takes pools and event ring for constants,
 * with their addresses and lengths, where arrays held in fields are loaded and checked at every use. A move took 0.6 of
 * the time. A thread that makes a second engine loses that gain: the closures are then no longer alone.
 */
export interface CommonCommands {
  readonly newOrder: CommonCommand;
  readonly cancelOrder: CommonCommand;
  readonly amendOrder: CommonCommand;
}

export function createCommonCommands(parts: CommonParts): CommonCommands {
  return { newOrder: commonOrder(parts), cancelOrder: commonCancel(parts), amendOrder: commonAmend(parts) };
}
