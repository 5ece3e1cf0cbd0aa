import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EventLogWriter } from '../../../core/journal/event-log-writer.ts';
import { LogKind } from '../../../core/journal/frame.ts';
import { scanEventLog } from '../../../core/journal/log-scan.ts';
import { listSegments, logFolder } from '../../../core/journal/segment-files.ts';
import type { ThreadFailure } from '../../../core/threads/managed-thread.ts';
import { fill } from '../journal/record-tape.ts';
import { newExchange, SEGMENT_BYTES, seed, TAPE, usedFolder } from './running-exchange.ts';

function startFailure(folder: string, settings = {}): Promise<ThreadFailure> {
  const { threads, gateway } = newExchange(256);
  gateway.start();
  return threads
    .start({ folder, limits: TAPE.limits, segmentBytes: SEGMENT_BYTES, ...settings }, () => {})
    .then(
      () => {
        throw new Error('it started');
      },
      (error: ThreadFailure) => error,
    );
}

test(`a damaged journal refuses the start with file and offset (SEED=${seed})`, async () => {
  const folder = await usedFolder(1_500);
  const { path } = listSegments(folder, LogKind.JOURNAL)[0]!;
  const bytes = readFileSync(path);
  bytes[130]! ^= 1;
  writeFileSync(path, bytes);
  const failure = await startFailure(folder);
  expect(failure).toMatchObject({ name: 'ThreadFailure', thread: 'journal', code: 'JOURNAL_DAMAGED' });
  expect(failure.message).toContain(`${path} is damaged at byte 0`);
});

test('a journal that ends before its event log, or before a consumer, refuses the start', async () => {
  const folder = await usedFolder(50);
  const claimed = await startFailure(folder, { claims: [{ holder: 'settlement', commandSequence: 51 }] });
  expect(claimed).toMatchObject({ code: 'JOURNAL_LOSS' });
  expect(claimed.message).toContain('ends at command 50, but settlement knows command 51');
  rmSync(logFolder(folder, LogKind.JOURNAL), { recursive: true });
  const failure = await startFailure(folder);
  expect(failure).toMatchObject({ code: 'JOURNAL_LOSS' });
  expect(failure.message).toContain('ends at command 0, but the event log knows command 50');
});

test('an event log of other rules refuses the start and names the event', async () => {
  const folder = await usedFolder(300);
  const { lastSequence } = scanEventLog(folder, () => {});
  rmSync(logFolder(folder, LogKind.EVENTS), { recursive: true });
  const events = TAPE.events.slice(0, lastSequence);
  const { window } = events[200]!;
  window.u8[126]! ^= 1;
  const writer = new EventLogWriter(
    folder,
    scanEventLog(folder, () => {}),
  );
  writer.append(fill(writer.newBatch(), events));
  writer.close();
  window.u8[126]! ^= 1;
  const failure = await startFailure(folder);
  expect(failure).toMatchObject({ thread: 'journal', code: 'BEHAVIOUR_CHANGED' });
  expect(failure.message).toContain('event 201: the replay gives other bytes');
});

test('an event log that goes on after the replay of the whole journal refuses the start', async () => {
  const folder = await usedFolder(300);
  const scan = scanEventLog(folder, () => {});
  const writer = new EventLogWriter(folder, scan);
  const { window } = TAPE.events[scan.lastSequence]!;
  window.f64[2] = 300; // as if the last command had one more event
  writer.append(fill(writer.newBatch(), TAPE.events.slice(scan.lastSequence, scan.lastSequence + 1)));
  writer.close();
  window.f64[2] = TAPE.decodedEvents[scan.lastSequence]!.commandSequence;
  const failure = await startFailure(folder);
  expect(failure).toMatchObject({ code: 'BEHAVIOUR_CHANGED' });
  expect(failure.message).toContain(`event ${scan.lastSequence + 1}:`);
});
