import { parentPort, workerData } from 'node:worker_threads';
import { RecordWindow } from '../../core/protocol/record-window.ts';
import { garbageCollector } from '../support/garbage.ts';
import { commandTimes, pacedTimes } from '../support/paced.ts';
import type { ArmAnswer, ArmTask, ArmThreadData } from './arm-tasks.ts';
import { EngineArm } from './engine-arm.ts';
import { tapeText } from './trade-tape.ts';

/** The thread of one arm: its engine is the only one here, as the exchange's is in its own. */
const { limits, records, setupCount, count } = workerData as ArmThreadData;
const arm = new EngineArm({ name: '', mix: '', limits, window: new RecordWindow(records), setupCount, count });
const collectGarbage = garbageCollector();
const none = new Float64Array(0);
let from = setupCount;

parentPort!.on('message', (task: ArmTask) => {
  const start = from;
  const commands = task.end - start;
  from = task.end;
  const act = (done: number): void => arm.runTo(start + done);
  let timesMs = none;
  let timerMs = none;
  collectGarbage();
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  if (task.way === 'paced') timesMs = pacedTimes(commands, task.intervalMs, act);
  else if (task.way === 'one by one') timesMs = commandTimes(commands, act);
  else arm.runTo(task.end);
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  if (task.way === 'paced') timerMs = pacedTimes(commands, task.intervalMs, () => undefined);
  else if (task.way === 'one by one') timerMs = commandTimes(commands, () => undefined);
  const cpuSeconds = (user + system) / 1e6;
  const { tape, engine } = arm;
  const stateHash = task.end === count ? engine.stateHash() : '';
  parentPort!.postMessage({
    seconds,
    cpuSeconds,
    tape: tapeText(tape),
    stateHash,
    timesMs,
    timerMs,
  } satisfies ArmAnswer);
});
