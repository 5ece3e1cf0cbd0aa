import { beforeAll, describe, expect, test } from 'vitest';
import { auditDataFolder } from '../../../workers/audit/audit.ts';
import { exchangeDatabasePath } from '../../../workers/storage/exchange-database.ts';
import { SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { grantOperationId } from '../../../workers/transfers/sandbox-grants.ts';
import { CapturedFolder, settledFolder } from '../captured-folder.ts';
import { LIMITS } from '../trading-folder.ts';
import { ALICE, openDesk, transferOf, USD, WAY } from '../transfers/opened-desk.ts';

const STRANGER = 200; // has traded nothing, so that a forged entry joins on
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
let captured: CapturedFolder;
/** Transfers in every state, by what they are. */
const ids: Record<string, number> = {};

beforeAll(async () => {
  const folder = (await settledFolder(seed, 50)).copy();
  const { desk, close } = await openDesk(folder);
  const deposit = async (name: string): Promise<number> => {
    const request = { accountId: ALICE, assetId: USD, units: 1_000n, clientKey: name, ...WAY };
    ids[name] = transferOf(await desk.submitDeposit(request)).transferId;
    return ids[name];
  };
  const withdraw = async (name: string): Promise<number> => {
    const request = { accountId: ALICE, assetId: USD, units: 300n, clientKey: name, ...WAY, address: 'x' };
    ids[name] = transferOf(await desk.requestWithdrawal(request)).transferId;
    return ids[name];
  };
  await desk.confirm('deposit', await deposit('done deposit'));
  await deposit('new deposit');
  await desk.fail('deposit', await deposit('failed deposit'), 'no');
  await desk.confirm('withdrawal', await withdraw('done withdrawal'));
  await withdraw('held withdrawal');
  await desk.fail('withdrawal', await withdraw('failed withdrawal'), 'no');
  await close();
  captured = new CapturedFolder(folder);
});

/** @returns what an audit finds after the change */
async function findingsAfter(change: (database: SqliteDatabase) => Promise<void>): Promise<string[]> {
  const folder = captured.copy();
  const database = await SqliteDatabase.open(exchangeDatabasePath(folder));
  await change(database);
  await database.close();
  const { ok, statements } = await auditDataFolder(folder, { limits: LIMITS });
  const found = statements.flatMap((statement) => statement.findings);
  expect(ok).toBe(found.length === 0);
  return found;
}

/** Money made up with everything that belongs to it, but for a transfer. */
async function forge(
  database: SqliteDatabase,
  operationId: number,
  units: bigint,
  accountId = STRANGER,
): Promise<void> {
  const text = `${units}`;
  const [{ entry, sequence }] = (await database.all<{ entry: number; sequence: number }>(
    `SELECT max(entry_sequence) AS entry, (SELECT value FROM meta WHERE name = 'ledgerSequence') AS sequence FROM entries`,
  )) as [{ entry: number; sequence: number }];
  const row = [entry + 1, sequence, accountId, USD, '0', text, '0', '0', 'deposit', operationId, 0];
  await database.run('INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', row);
  await database.run('INSERT INTO credits VALUES (?, ?, ?, ?, ?, ?)', [
    operationId,
    accountId,
    USD,
    text,
    text,
    sequence,
  ]);
  await database.run('INSERT INTO balances VALUES (?, ?, ?, 0)', [accountId, USD, text]);
  const [pool] = await database.all<{ units: string }>(
    `SELECT credited_units AS units FROM pools WHERE asset_id = ${USD}`,
  );
  const credited = BigInt(pool!.units) + units;
  await database.run(`UPDATE pools SET credited_units = ? WHERE asset_id = ${USD}`, [`${credited}`]);
}

describe(`the table of transfers and what it moved, one of them changed (SEED=${seed})`, () => {
  test('nothing changed, nothing found', async () => {
    expect(await findingsAfter(async () => {})).toEqual([]);
  });

  test.each<[what: string, name: string, set: string]>([
    ['decided and not credited yet', 'new deposit', "state = 'pending', decision = 'confirm'"],
    ['credited and not done yet', 'done deposit', "state = 'pending'"],
    ['debited and not done yet', 'done withdrawal', "state = 'pending'"],
    ['decided and not debited yet', 'held withdrawal', "decision = 'confirm'"],
    ['decided and not released yet', 'held withdrawal', "decision = 'fail'"],
    ['released and not failed yet', 'failed withdrawal', "state = 'pending'"],
    ['held and not pending yet', 'held withdrawal', "state = 'start'"],
  ])('a crash leaves a transfer %s: nothing is wrong', async (_what, name, set) => {
    const sql = `UPDATE transfers SET ${set} WHERE transfer_id = ?`;
    expect(await findingsAfter((database) => database.run(sql, [ids[name]!]))).toEqual([]);
  });

  test.each<[what: string, name: string, sql: string, findings: RegExp[]]>([
    [
      'a deposit removed',
      'done deposit',
      'DELETE FROM transfers',
      [/^entry \d+ \(deposit ID, .* 1000\) belongs to no transfer$/],
    ],
    [
      'a withdrawal removed',
      'done withdrawal',
      'DELETE FROM transfers',
      [/^entry \d+ \(withdrawal ID, .* -300\) belongs to no transfer$/],
    ],
    [
      'its units',
      'done deposit',
      'UPDATE transfers SET units = units + 1',
      [/ is not what deposit ID asks for: account 100, asset 1, 1001$/],
    ],
    [
      'its account',
      'done withdrawal',
      'UPDATE transfers SET account_id = 101',
      [/ is not what withdrawal ID asks for: account 101, /],
    ],
    ['its asset', 'done deposit', 'UPDATE transfers SET asset_id = 2', [/ is not what deposit ID asks for: /]],
    ['its kind', 'done deposit', "UPDATE transfers SET kind = 'withdrawal'", [/ is not what withdrawal ID asks for: /]],
    [
      'done without a credit',
      'new deposit',
      "UPDATE transfers SET state = 'done'",
      [/^deposit ID is done, and has no entry$/],
    ],
    [
      'credited while it waits',
      'done deposit',
      "UPDATE transfers SET state = 'start', decision = NULL",
      [/^deposit ID is start, and has an entry$/],
    ],
    [
      'credited and failed',
      'done deposit',
      "UPDATE transfers SET state = 'failed'",
      [/^deposit ID is failed, and has an entry$/],
    ],
    [
      'debited while it waits',
      'done withdrawal',
      "UPDATE transfers SET state = 'pending', decision = NULL",
      [/^withdrawal ID is pending, and has an entry$/],
    ],
    [
      'done without a debit',
      'held withdrawal',
      "UPDATE transfers SET state = 'done'",
      [/^withdrawal ID is done, and has no entry$/, /^withdrawal ID is done, and has an open hold$/],
    ],
    [
      'failed and held',
      'held withdrawal',
      "UPDATE transfers SET state = 'failed'",
      [/^withdrawal ID is failed, and has an open hold$/],
    ],
    [
      'waiting without a hold',
      'failed withdrawal',
      "UPDATE transfers SET state = 'pending', decision = NULL",
      [/^withdrawal ID is pending, and has no hold$/],
    ],
    [
      'more asked for than held',
      'held withdrawal',
      'UPDATE transfers SET units = units + 1',
      [/^withdrawal ID holds 300 .* asks for account 100, asset 1, 301$/],
    ],
  ])('%s', async (_what, name, sql, findings) => {
    const id = ids[name]!;
    const found = await findingsAfter((database) => database.run(`${sql} WHERE transfer_id = ?`, [id]));
    expect(found).toEqual(
      findings.map(({ source }) => expect.stringMatching(new RegExp(source.replace('ID', `${id}`)))),
    );
  });

  test('a hold removed: the withdrawal that lost it, and what its account holds', async () => {
    const id = ids['held withdrawal']!;
    const found = await findingsAfter((database) => database.run('DELETE FROM holds WHERE command_id = ?', [id]));
    expect(found).toContain(`withdrawal ${id} is pending, and has no hold`);
    expect(found).toContainEqual(expect.stringMatching(/^account 100 asset 1: \d+ held, /));
  });

  test('money made up with entry, credit, balance and pool, and without a transfer', async () => {
    const id = 2 ** 40;
    expect(await findingsAfter((database) => forge(database, id, 5n))).toEqual([
      expect.stringMatching(
        new RegExp(`^entry \\d+ \\(deposit ${id}, account ${STRANGER}, asset ${USD}, 5\\) belongs to no transfer$`),
      ),
    ]);
  });

  test('debits and pools that do not agree', async () => {
    expect(await findingsAfter((database) => database.run('UPDATE debits SET units = units + 1'))).toEqual([
      `asset ${USD}: debits 301, withdrawal entries 300, pool says 300`,
    ]);
  });

  const sandboxUnits = 1_000_000n * 10n ** 10n;
  test.each<[what: string, mode: string, operationId: number, units: bigint, isFine: boolean]>([
    ['as the sandbox gives it', 'sandbox', grantOperationId(STRANGER, USD), sandboxUnits, true],
    ['in production', 'production', grantOperationId(STRANGER, USD), sandboxUnits, false],
    ['of a unit more', 'sandbox', grantOperationId(STRANGER, USD), sandboxUnits + 1n, false],
    ["under another account's id", 'sandbox', grantOperationId(STRANGER + 1, USD), sandboxUnits, false],
  ])('a grant %s', async (_what, mode, operationId, units, isFine) => {
    const found = await findingsAfter(async (database) => {
      await database.run("INSERT INTO meta VALUES ('mode', ?)", [mode]);
      await forge(database, operationId, units);
    });
    expect(found).toEqual(isFine ? [] : [expect.stringContaining('belongs to no transfer')]);
  });
});
