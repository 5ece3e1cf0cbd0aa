import type { Asset } from '../../core/money/asset.ts';
import type { InstrumentDefinition } from '../../core/money/instrument.ts';
import {
  type AmendOrderFields,
  type CancelOrderFields,
  type CommandHeader,
  encodeCheckpoint,
  encodeDefineAsset,
  encodeDefineInstrument,
  encodeMassCancel,
  encodeSetInstrumentState,
  encodeTime,
  encodeUpdateInstrument,
  type InstrumentStateFields,
  type InstrumentUpdateFields,
  type MassCancelFields,
  type NewOrderFields,
} from '../../core/protocol/command-encoder.ts';
import { CommandKind } from '../../core/protocol/kinds.ts';
import { createOrderEncoder } from '../../core/protocol/order-encoder.ts';
import type { RecordWindow } from '../../core/protocol/record-window.ts';

export interface NewOrderCommand {
  readonly kind: typeof CommandKind.NEW_ORDER;
  readonly header: CommandHeader;
  readonly order: NewOrderFields;
}
export interface CancelOrderCommand {
  readonly kind: typeof CommandKind.CANCEL_ORDER;
  readonly header: CommandHeader;
  readonly cancel: CancelOrderFields;
}
export interface AmendOrderCommand {
  readonly kind: typeof CommandKind.AMEND_ORDER;
  readonly header: CommandHeader;
  readonly amend: AmendOrderFields;
}
export interface MassCancelCommand {
  readonly kind: typeof CommandKind.MASS_CANCEL;
  readonly header: CommandHeader;
  readonly massCancel: MassCancelFields;
}
export interface SetInstrumentStateCommand {
  readonly kind: typeof CommandKind.SET_INSTRUMENT_STATE;
  readonly header: CommandHeader;
  readonly change: InstrumentStateFields;
}
export interface UpdateInstrumentCommand {
  readonly kind: typeof CommandKind.UPDATE_INSTRUMENT;
  readonly header: CommandHeader;
  readonly update: InstrumentUpdateFields;
}
export interface TimeCommand {
  readonly kind: typeof CommandKind.TIME;
  readonly header: CommandHeader;
}
export interface CheckpointCommand {
  readonly kind: typeof CommandKind.CHECKPOINT;
  readonly header: CommandHeader;
}
export interface DefineAssetCommand {
  readonly kind: typeof CommandKind.DEFINE_ASSET;
  readonly header: CommandHeader;
  readonly asset: Asset;
}
export interface DefineInstrumentCommand {
  readonly kind: typeof CommandKind.DEFINE_INSTRUMENT;
  readonly header: CommandHeader;
  readonly definition: InstrumentDefinition;
}

/** A command as an object: what the engine gets as bytes, and its reference as it is. */
export type ExchangeCommand =
  | NewOrderCommand
  | CancelOrderCommand
  | AmendOrderCommand
  | MassCancelCommand
  | UpdateInstrumentCommand
  | TimeCommand
  | SetInstrumentStateCommand
  | CheckpointCommand
  | DefineAssetCommand
  | DefineInstrumentCommand;

/** @param continuationAt offset of the slot that a long client order id goes on in */
export function encodeCommand(
  window: RecordWindow,
  at: number,
  continuationAt: number,
  command: ExchangeCommand,
): void {
  switch (command.kind) {
    case CommandKind.NEW_ORDER:
      createOrderEncoder(window).newOrder(at, continuationAt, command.header, command.order);
      break;
    case CommandKind.CANCEL_ORDER:
      createOrderEncoder(window).cancelOrder(at, command.header, command.cancel);
      break;
    case CommandKind.AMEND_ORDER:
      createOrderEncoder(window).amendOrder(at, command.header, command.amend);
      break;
    case CommandKind.UPDATE_INSTRUMENT:
      encodeUpdateInstrument(window, at, command.header, command.update);
      break;
    case CommandKind.TIME:
      encodeTime(window, at, command.header);
      break;
    case CommandKind.MASS_CANCEL:
      encodeMassCancel(window, at, command.header, command.massCancel);
      break;
    case CommandKind.SET_INSTRUMENT_STATE:
      encodeSetInstrumentState(window, at, command.header, command.change);
      break;
    case CommandKind.CHECKPOINT:
      encodeCheckpoint(window, at, command.header);
      break;
    case CommandKind.DEFINE_ASSET:
      encodeDefineAsset(window, at, command.header, command.asset);
      break;
    case CommandKind.DEFINE_INSTRUMENT:
      encodeDefineInstrument(window, at, command.header, command.definition);
      break;
  }
}
