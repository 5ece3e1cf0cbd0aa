import { onTestFinished } from 'vitest';
import {
  type ExchangeThreadSettings,
  ExchangeThreads,
  type Recovered,
} from '../../../core/threads/exchange-threads.ts';
import { recordTape, temporaryFolder } from '../journal/record-tape.ts';
import { GatewayEnd } from './gateway-end.ts';

export const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
export const TAPE = recordTape(seed, 3_000);
export const SEGMENT_BYTES = 64 * 1024;

export interface Exchange {
  readonly threads: ExchangeThreads;
  readonly gateway: GatewayEnd;
  readonly recovered: Recovered;
}

export function newExchange(ringSlots: number): { threads: ExchangeThreads; gateway: GatewayEnd } {
  const threads = new ExchangeThreads({ commandSlots: ringSlots, eventSlots: ringSlots });
  const gateway = new GatewayEnd(threads);
  onTestFinished(async () => {
    gateway.stop();
    await threads.terminate();
  });
  return { threads, gateway };
}

export async function startExchange(
  folder: string,
  ringSlots = 256,
  settings: Partial<ExchangeThreadSettings> = {},
): Promise<Exchange> {
  const { threads, gateway } = newExchange(ringSlots);
  gateway.start();
  const recovered = await threads.start(
    { folder, limits: TAPE.limits, segmentBytes: SEGMENT_BYTES, ...settings },
    () => {},
  );
  return { threads, gateway, recovered };
}

export async function stopExchange({ threads, gateway }: Exchange): Promise<void> {
  await threads.stop();
  gateway.stop();
}

/** @returns a folder with a journal and event log of the tape's first commands */
export async function usedFolder(commandCount: number): Promise<string> {
  const folder = temporaryFolder();
  const exchange = await startExchange(folder);
  await exchange.gateway.publish(TAPE.commands.slice(0, commandCount));
  await stopExchange(exchange);
  return folder;
}
