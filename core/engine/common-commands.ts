import * as kinds from '../protocol/kinds.ts';
import type { RecordWindow } from '../protocol/record-window.ts';
import { commonAmend } from './common-amend.ts';
import { commonCancel } from './common-cancel.ts';
import { commonOrder } from './common-order.ts';
import type { CommonParts } from './common-parts.ts';
import type { MarketOf } from './removals.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { CommandKind } = kinds;

/**
 * Nearly all commands are of three forms: a limit order that reaches nobody, a cancel of an order in the book, and a move
 * that reaches nobody. Each of them is one function here, which checks, changes the book and writes its events in one
 * piece. What it does is what the matcher would do; what is in any way special it leaves to the matcher, refusals too.
 *
 * The functions are closures that are made once an engine: then the compiler takes pools and event ring for constants,
 * with their addresses and lengths, where arrays held in fields are loaded and checked at every use. A move took 0.6 of
 * the time. A thread that makes a second engine loses that gain: the closures are then no longer alone.
 */
export function createCommonCommands(parts: CommonParts, marketOf: MarketOf) {
  const newOrder = commonOrder(parts);
  const cancelOrder = commonCancel(parts);
  const amendOrder = commonAmend(parts);
  const { context } = parts;

  /** @returns false when the command is of no common form: then nothing has changed */
  return (command: RecordWindow, at: number): boolean => {
    const kindWord = command.i32[at >>> 2]!; // kind, side, instrument
    const market = marketOf(kindWord >>> 16);
    if (market === undefined) return false;
    switch (kindWord & 0xff) {
      case CommandKind.AMEND_ORDER:
        context.usesLaterRules = true;
        return amendOrder(market, command, at);
      case CommandKind.NEW_ORDER:
        return newOrder(market, command, at);
      case CommandKind.CANCEL_ORDER:
        return cancelOrder(market, command, at);
      default:
        return false;
    }
  };
}
