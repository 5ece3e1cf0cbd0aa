import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { InvariantError } from '../../../core/assert.ts';
import { migrate, SchemaTooNewError, schemaVersion } from '../../../workers/storage/migrations.ts';
import { DatabaseError, SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { temporaryFolder } from '../temporary-folder.ts';

async function open(): Promise<SqliteDatabase> {
  return SqliteDatabase.open(join(temporaryFolder(), 'test.sqlite'));
}

test('amounts at the edges of doubles and of 64 bits come back exactly as they went in', async () => {
  const database = await open();
  await database.exec('CREATE TABLE amounts (units INTEGER NOT NULL) STRICT');
  const edges = [0n, 1n, 10n ** 14n - 1n, 10n ** 14n + 1n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n - 1n];
  for (const units of edges) await database.run('INSERT INTO amounts VALUES (?)', [units.toString()]);
  const rows = await database.all<{ units: string }>('SELECT CAST(units AS TEXT) AS units FROM amounts ORDER BY rowid');
  expect(rows.map(({ units }) => BigInt(units))).toEqual(edges);
  await expect(database.run('INSERT INTO amounts VALUES (?)', [(2n ** 63n).toString()])).rejects.toThrow(DatabaseError);
  await database.close();
});

test('a bigint or a fraction is refused instead of being bound as something else', async () => {
  const database = await open();
  expect(() => database.run('SELECT ?', [5n as unknown as number])).toThrow(InvariantError);
  expect(() => database.all('SELECT ?', [0.5])).toThrow(InvariantError);
  expect(() => database.all('SELECT ?', [2 ** 53])).toThrow(InvariantError);
  await database.close();
});

test('commits are synced before they return, and only the owner may read the file', async () => {
  const database = await open();
  expect(await database.all('PRAGMA synchronous')).toEqual([{ synchronous: 2 }]);
  expect(await database.all('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
  expect(await database.all('PRAGMA foreign_keys')).toEqual([{ foreign_keys: 1 }]);
  expect(statSync(database.path).mode & 0o777).toBe(0o600);
  await database.close();
});

test('an error names the file and the statement', async () => {
  const database = await open();
  await expect(database.run('INSERT INTO nowhere VALUES (1)')).rejects.toThrow(/test\.sqlite: INSERT INTO nowhere/);
  await database.close();
});

test('migrations run once each, in order, and a newer schema is refused', async () => {
  const database = await open();
  await migrate(database, ['CREATE TABLE one (a INTEGER)']);
  await migrate(database, ['CREATE TABLE one (a INTEGER)', 'CREATE TABLE two (b INTEGER)']);
  expect(await schemaVersion(database)).toBe(2);
  await expect(migrate(database, ['CREATE TABLE one (a INTEGER)'])).rejects.toThrow(SchemaTooNewError);
  await expect(migrate(database, [])).rejects.toThrow(/schema version 2, this program knows versions up to 0/);
  await database.close();
});

test('a migration that fails half-way leaves nothing behind', async () => {
  const database = await open();
  await expect(migrate(database, ['CREATE TABLE one (a INTEGER); INSERT INTO nowhere VALUES (1)'])).rejects.toThrow(
    DatabaseError,
  );
  expect(await schemaVersion(database)).toBe(0);
  await migrate(database, ['CREATE TABLE one (a INTEGER)']);
  expect(await schemaVersion(database)).toBe(1);
  await database.close();
});
