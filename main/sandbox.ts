import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Asset } from '../core/money/asset.ts';
import type { Clock } from '../core/ports/clock.ts';
import { type Ledger, LedgerUnavailableError } from '../core/ports/ledger.ts';
import type { SqliteKeyStore } from '../workers/storage/key-store.ts';
import { grantOperationId, grantUnits, SANDBOX_ACCOUNT_NAMES } from '../workers/transfers/sandbox-grants.ts';

/** Between two tries to credit a ledger that can't be asked. */
const UNAVAILABLE_PAUSE_MS = 500;

/** What `sandbox.json` in the data folder says: everything that a program needs to trade on this exchange. */
export interface SandboxFile {
  readonly baseUrl: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly accounts: readonly SandboxAccount[];
}

export interface SandboxAccount {
  readonly accountId: number;
  readonly name: string;
  readonly key: string;
  readonly secret: string;
}

/** Makes sure that the two sandbox accounts exist and have a key. A start that died half-way is finished by the next one. */
export async function ensureSandboxAccounts(keyStore: SqliteKeyStore): Promise<SandboxAccount[]> {
  const accounts: SandboxAccount[] = [];
  for (const name of SANDBOX_ACCOUNT_NAMES) {
    const account =
      keyStore.listAccounts().find((known) => known.name === name) ?? (await keyStore.createAccount(name));
    const apiKey =
      keyStore.keysOf(account.accountId)[0] ?? (await keyStore.createKey(account.accountId, ['trader', 'fundManager']));
    accounts.push({ accountId: account.accountId, name, key: apiKey.key, secret: apiKey.secret });
  }
  return accounts;
}

/**
 * Credits each sandbox account with its grant, once ever, as each has ids of its own. A ledger that can't be asked is
 * waited for.
 * @throws LedgerUnavailableError when it never can be any more
 */
export async function grantSandboxFunds(
  accounts: readonly SandboxAccount[],
  ledger: Ledger,
  assets: readonly Asset[],
  clock: Clock,
): Promise<void> {
  const grants = accounts.flatMap(({ accountId }) => assets.map((asset) => ({ accountId, asset })));
  for (;;)
    try {
      await Promise.all(
        grants.map(({ accountId, asset }) =>
          ledger.credit({
            operationId: grantOperationId(accountId, asset.assetId),
            accountId,
            assetId: asset.assetId,
            units: grantUnits(asset),
            timestampMs: clock.nowMs(),
          }),
        ),
      );
      return;
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError) || error.isForGood) throw error;
      await sleep(UNAVAILABLE_PAUSE_MS, undefined, { ref: false });
    }
}

/** Writes `sandbox.json`, readable by its owner only, whole or not at all. */
export function writeSandboxFile(dataFolder: string, content: SandboxFile): string {
  const path = join(dataFolder, 'sandbox.json');
  const temporaryPath = `${path}.tmp`;
  writeFileSync(temporaryPath, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  chmodSync(temporaryPath, 0o600); // the mode above counts only when the file is new
  renameSync(temporaryPath, path);
  return path;
}

/** A line for the shell that signs and places an order with nothing but Node: the first thing to try. */
export function orderLine(sandboxPath: string): string {
  const order =
    'request:"/v1/order/new",nonce:Date.now(),symbol:"btcusd",amount:"0.01",price:"60000.00",side:"buy",type:"exchange limit"';
  return (
    `node -e 'const c=require("crypto"),s=require("${sandboxPath}"),a=s.accounts[0],` +
    `p=Buffer.from(JSON.stringify({${order}})).toString("base64");` +
    'fetch(s.baseUrl+"/v1/order/new",{method:"POST",headers:{"X-GEMINI-APIKEY":a.key,"X-GEMINI-PAYLOAD":p,' +
    '"X-GEMINI-SIGNATURE":c.createHmac("sha384",a.secret).update(p).digest("hex")}})' +
    ".then(r=>r.text()).then(console.log)'"
  );
}
