import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { EventLogCursor } from '../../../core/journal/event-log-cursor.ts';
import { LogKind } from '../../../core/journal/frame.ts';
import { scanEventLog } from '../../../core/journal/log-scan.ts';
import { listSegments, logFolder, segmentPath } from '../../../core/journal/segment-files.ts';
import type { StartProgress } from '../../../core/threads/exchange-threads.ts';
import { ThreadFailure } from '../../../core/threads/managed-thread.ts';
import { CONTROL, isReached } from '../../../core/threads/shared-control.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { someCommand, temporaryFolder } from '../journal/record-tape.ts';
import { brokenCommand } from './gateway-end.ts';
import { newExchange, SEGMENT_BYTES, seed, startExchange, stopExchange, TAPE, usedFolder } from './running-exchange.ts';

/** Many starts of an exchange, each of which takes seconds on a loaded machine. */
const LOADED_MACHINE_MS = 240_000;

function wholeEventLog(folder: string): string {
  const segments = listSegments(folder, LogKind.EVENTS);
  const cursor = new EventLogCursor(folder, 0);
  const { lastSequence } = scanEventLog(folder, () => {});
  expect(cursor.next(lastSequence, Infinity)).toEqual(TAPE.decodedEvents.slice(0, lastSequence));
  cursor.close();
  return segments.map(({ path }) => readFileSync(path).toString('base64')).join('\n');
}

test(
  `commands become durable events, in order, and a restart stands where it stood (SEED=${seed})`,
  async () => {
    const folder = temporaryFolder();
    const first = await startExchange(folder);
    expect(first.recovered.replayed).toMatchObject({ lastCommandSequence: 0, lastEventSequence: 0, restingOrders: 0 });
    await first.gateway.publish(TAPE.commands);
    await first.gateway.untilEvents(TAPE.events.length);
    await stopExchange(first);
    expect(first.gateway.events).toEqual(TAPE.decodedEvents);
    const eventLog = wholeEventLog(folder);
    expect(scanEventLog(folder, () => {}).lastSequence).toBe(TAPE.events.length);
    expect(listSegments(folder, LogKind.JOURNAL).length).toBeGreaterThan(3);

    const second = await startExchange(folder);
    expect(second.recovered.journal).toMatchObject({ tornFrames: 0, lastEventSequence: TAPE.events.length });
    expect(second.recovered.replayed).toMatchObject({
      lastCommandSequence: TAPE.commands.length,
      lastEventSequence: TAPE.events.length,
      stateHash: TAPE.stateHash,
    });
    await second.gateway.untilEvents(TAPE.events.length);
    expect(second.gateway.events).toEqual(TAPE.decodedEvents);
    await stopExchange(second);
    expect(wholeEventLog(folder)).toBe(eventLog);
  },
  LOADED_MACHINE_MS,
);

test(
  `killed again and again, it loses nothing that was seen and ends in the same state (SEED=${seed})`,
  async () => {
    const folder = temporaryFolder();
    const random = new RandomIntegers(seed);
    let seenCommand = 0;
    for (let round = 0; round < 6; round++) {
      const { threads, gateway, recovered } = await startExchange(folder, random.oneOf([16, 64, 512]));
      const { lastCommandSequence } = recovered.replayed;
      expect(lastCommandSequence).toBeGreaterThanOrEqual(seenCommand);
      const isLast = round === 5;
      const upTo = isLast ? TAPE.commands.length : lastCommandSequence + random.between(1, 500);
      const published = gateway.publish(TAPE.commands.slice(lastCommandSequence, upTo));
      if (isLast) {
        await published;
        await gateway.untilEvents(TAPE.events.length);
        await stopExchange({ threads, gateway, recovered });
      } else {
        await gateway.untilEvents(recovered.replayed.lastEventSequence + random.below(upTo - lastCommandSequence));
        await threads.terminate();
        await delay(1);
      }
      gateway.stop();
      expect(gateway.events).toEqual(TAPE.decodedEvents.slice(0, gateway.events.length));
      seenCommand = gateway.events.at(-1)?.commandSequence ?? 0;
    }
    const { recovered, ...rest } = await startExchange(folder);
    expect(recovered.replayed.stateHash).toBe(TAPE.stateHash);
    await stopExchange({ recovered, ...rest });
    wholeEventLog(folder);
  },
  LOADED_MACHINE_MS,
);

test('a gateway that reads no events stops the engine, not the journal, and everything comes when it reads', async () => {
  const folder = temporaryFolder();
  const { threads, gateway } = newExchange(64);
  await threads.start({ folder, limits: TAPE.limits, segmentBytes: SEGMENT_BYTES }, () => {});
  let published = 0;
  let idleRounds = 0;
  while (idleRounds < 20) {
    if (gateway.tryPublish(TAPE.commands[published]!)) {
      published += 1;
      idleRounds = 0;
    } else {
      idleRounds += 1;
      await delay(5);
    }
  }
  expect(isReached(gateway.control, CONTROL.DURABLE_COMMAND, published)).toBe(true);
  expect(isReached(gateway.control, CONTROL.APPLIED_COMMAND, published)).toBe(false);
  gateway.start();
  await gateway.publish(TAPE.commands.slice(published, 600));
  const expected = TAPE.decodedEvents.filter(({ commandSequence }) => commandSequence <= 600);
  await gateway.untilEvents(expected.length);
  expect(gateway.events).toEqual(expected);
  await threads.stop();
  gateway.stop();
});

test('an exchange that is stopped finishes what was published', async () => {
  const folder = temporaryFolder();
  const exchange = await startExchange(folder, 1_024);
  for (const command of TAPE.commands.slice(0, 400)) expect(exchange.gateway.tryPublish(command)).toBe(true);
  await stopExchange(exchange);
  expect(scanEventLog(folder, () => {})).toMatchObject({ lastCommandSequence: 400, tornFrames: 0 });
});

test('an exchange at rest uses no processor time', async () => {
  const exchange = await startExchange(temporaryFolder());
  await exchange.gateway.publish(TAPE.commands.slice(0, 100));
  await delay(400);
  const before = process.cpuUsage();
  await delay(1_000);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(100); // of 1000 ms
  await stopExchange(exchange);
});

test('a thread that dies is told with its reason, once', async () => {
  const exchange = await startExchange(temporaryFolder());
  const failures: Error[] = [];
  const failed = new Promise<void>((resolve) => {
    exchange.threads.onFailure((error) => {
      failures.push(error);
      resolve();
    });
  });
  exchange.gateway.tryPublish(brokenCommand(someCommand(1)));
  await failed;
  await delay(50);
  expect(failures.length).toBe(1);
  expect(failures[0]).toBeInstanceOf(ThreadFailure);
  expect(failures[0]).toMatchObject({ thread: 'engine', code: 'INTERNAL' });
  expect(failures[0]!.message).toMatch(/engine thread: command 1: kind 200/);
  await expect(exchange.threads.stop()).rejects.toThrow(/kind 200/);
});

test('an event log that was moved away is written again, byte for byte in what it says', async () => {
  const folder = await usedFolder(700);
  renameSync(logFolder(folder, LogKind.EVENTS), join(folder, 'moved'));
  const exchange = await startExchange(folder);
  expect(exchange.recovered.journal.lastEventSequence).toBe(0);
  await stopExchange(exchange);
  wholeEventLog(folder);
  expect(scanEventLog(folder, () => {}).lastCommandSequence).toBe(700);
});

test('an exchange told to stop during its start does not start', async () => {
  const folder = await usedFolder(700);
  const { threads, gateway } = newExchange(16);
  gateway.start();
  const progress: StartProgress[] = [];
  const started = threads.start({ folder, limits: TAPE.limits, segmentBytes: SEGMENT_BYTES }, (step) => {
    progress.push(step);
  });
  const refused = expect(started).rejects.toMatchObject({ code: 'STOPPED' });
  await threads.stop();
  await refused;
  const exchange = await startExchange(folder);
  expect(exchange.recovered.replayed.lastCommandSequence).toBe(700);
  await stopExchange(exchange);
  expect(readFileSync(segmentPath(folder, LogKind.JOURNAL, 1)).length).toBe(SEGMENT_BYTES);
});
