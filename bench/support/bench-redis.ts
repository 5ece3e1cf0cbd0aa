import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { PrivateRedis } from '../../main/services/private-redis.ts';
import { RedisLedger } from '../../workers/ledger/redis/redis-ledger.ts';
import { ACCOUNTS, fund, PARTITIONS } from './ledger-work.ts';

const EPOCH = 'bench';

/** A Redis of the benchmark's own, and what is done with it beside any ledger. */
export class BenchRedis {
  readonly client: Redis;
  readonly #redis: PrivateRedis;

  private constructor(redis: PrivateRedis) {
    this.#redis = redis;
    this.client = new Redis(redis.url);
  }

  static async start(appendfsync: 'everysec' | 'always'): Promise<BenchRedis> {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
    return new BenchRedis(await PrivateRedis.start({ folder, directives: { appendfsync } }));
  }

  /** @returns a ledger that was begun anew, that many accounts funded; closed by the caller */
  async fresh(accountCount = ACCOUNTS): Promise<RedisLedger> {
    await this.client.flushall();
    const ledger = await RedisLedger.open({
      url: this.#redis.url,
      epoch: EPOCH,
      partitionCount: PARTITIONS,
      writer: 1,
      knownSequence: 0,
    });
    await fund(ledger, accountCount);
    return ledger;
  }

  /** @returns the script calls that an act makes, as Redis was sent them, knowing no change sequence */
  async record(scriptSha: string, act: () => Promise<void>): Promise<string[][]> {
    const calls: string[][] = [];
    const monitor = await this.client.monitor();
    monitor.on('monitor', (_time: string, args: string[]) => {
      if (args[1] !== scriptSha) return;
      const knownSequenceAt = 3 + Number(args[2]) + 1;
      calls.push(args.with(knownSequenceAt, '0'));
    });
    await act();
    await this.client.ping('recorded');
    await new Promise((resolve) => setTimeout(resolve, 200));
    monitor.disconnect();
    return calls;
  }

  /** Sends calls as they are, each lane's one behind the other. */
  async replay(calls: readonly (readonly string[])[], lanes: number): Promise<void> {
    await Promise.all(
      Array.from({ length: lanes }, async (_, lane) => {
        for (let at = lane; at < calls.length; at += lanes) {
          const [name = '', ...args] = calls[at]!;
          const answer = (await this.client.call(name, ...args)) as unknown[];
          if (answer[0] !== 'OK' && answer[0] !== 'APPLIED') throw new Error(`Redis answered ${answer[0]}`);
        }
      }),
    );
  }

  /** @returns a digest of all hashes, and of how long list and stream are: their order is that of the lanes */
  async digest(): Promise<string> {
    const hash = createHash('sha256');
    for (const key of (await this.client.keys('*')).sort()) {
      const type = await this.client.type(key);
      const value =
        type === 'hash'
          ? Object.entries(await this.client.hgetall(key)).sort()
          : await (type === 'list' ? this.client.llen(key) : this.client.xlen(key));
      hash.update(JSON.stringify([key, value]));
    }
    return hash.digest('hex').slice(0, 16);
  }

  async memoryBytes(): Promise<number> {
    return Number(/used_memory:(\d+)/.exec(await this.client.info('memory'))?.[1]);
  }

  async close(): Promise<void> {
    this.client.disconnect();
    await this.#redis.kill();
    rmSync(this.#redis.folder, { recursive: true, force: true });
  }
}
