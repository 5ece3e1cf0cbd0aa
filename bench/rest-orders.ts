import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ExchangeProcess } from '../test/support/exchange-process.ts';
import { median } from './support/pairs.ts';

const LOAD = fileURLToPath(new URL('./rest-load.ts', import.meta.url));
const BARE_SERVER = fileURLToPath(new URL('./bare-server.ts', import.meta.url));
const CONNECTIONS = 64;
const REST_SECONDS = 5;

export interface LoadResult {
  readonly answers: number;
  readonly accepted: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

export interface RestResult {
  readonly exchange: LoadResult; // the run of the median pair
  readonly bare: LoadResult;
  readonly medianRatio: number; // orders/s over bare answers/s, pair by pair
  readonly restCpuShare: number; // of one core, over five seconds without a request
}

/**
 * Signed orders from a separate process against the exchange, and the same requests against uWebSockets.js answering a
 * constant: the most that any gateway on it could do with this client on this machine.
 */
export async function benchRestOrders(secondsPerRun: number, pairs: number): Promise<RestResult> {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
  const exchange = await ExchangeProcess.start(folder, { RINGBOOK_JOURNAL_SEGMENT_MIB: '64' });
  const bareServer = spawn(process.execPath, [BARE_SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const barePort = await printedPort(bareServer);
    const exchangePort = Number(new URL(exchange.sandbox.baseUrl).port);
    const account = exchange.sandbox.accounts[0]!;
    const restCpuShare = await cpuShareAtRest(exchange.pid);
    const load = (port: number): Promise<LoadResult> => runLoad(port, account.key, account.secret, secondsPerRun);
    await load(exchangePort);
    await load(barePort);
    const runs: { exchange: LoadResult; bare: LoadResult; ratio: number }[] = [];
    for (let pair = 0; pair < pairs; pair++) {
      const exchangeFirst = pair % 2 === 0;
      const first = await load(exchangeFirst ? exchangePort : barePort);
      const second = await load(exchangeFirst ? barePort : exchangePort);
      const [ofExchange, ofBare] = exchangeFirst ? [first, second] : [second, first];
      if (ofExchange.accepted !== ofExchange.answers)
        throw new Error(`${ofExchange.answers - ofExchange.accepted} of ${ofExchange.answers} orders were refused`);
      const ratio = ofExchange.answers / ofExchange.seconds / (ofBare.answers / ofBare.seconds);
      runs.push({ exchange: ofExchange, bare: ofBare, ratio });
    }
    const medianRatio = median(runs.map((run) => run.ratio));
    const middle = runs.find((run) => run.ratio === medianRatio)!;
    return { exchange: middle.exchange, bare: middle.bare, medianRatio, restCpuShare };
  } finally {
    bareServer.kill('SIGKILL');
    await exchange.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runLoad(port: number, key: string, secret: string, seconds: number): Promise<LoadResult> {
  const args = [LOAD, '127.0.0.1', `${port}`, key, secret, `${CONNECTIONS}`, `${seconds}`];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: (seconds + 60) * 1_000 });
  return JSON.parse(stdout) as LoadResult;
}

function printedPort(server: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`the bare server ended with ${code}`)));
    server.stdout?.once('data', (chunk: Buffer) => resolve(Number(/port (\d+)/.exec(chunk.toString())?.[1])));
  });
}

/** @returns processor time that a process used while nothing asked anything of it, as a share of one core */
async function cpuShareAtRest(pid: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const before = cpuTicks(pid);
  await new Promise((resolve) => setTimeout(resolve, REST_SECONDS * 1_000));
  return (cpuTicks(pid) - before) / 100 / REST_SECONDS;
}

/** User and system time in ticks of 10 ms, from /proc/PID/stat (proc(5), fields 14 and 15). */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
