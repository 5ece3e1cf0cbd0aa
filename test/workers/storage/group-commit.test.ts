import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { GroupCommit, type TableShape } from '../../../workers/storage/group-commit.ts';
import { SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const HOT: TableShape = { name: 'hot', columns: ['a', 'b', 'units'], keyColumns: 2 };
const LOG: TableShape = { name: 'log', columns: ['id', 'text'], keyColumns: 0 };

interface Opened {
  readonly database: SqliteDatabase;
  readonly commits: GroupCommit;
  readonly fatal: Error[];
  readonly diskFull: boolean[];
}

async function open(): Promise<Opened> {
  const database = await SqliteDatabase.open(join(temporaryFolder(), 'test.sqlite'));
  await database.exec(`
    CREATE TABLE hot (a INTEGER, b INTEGER, units INTEGER, PRIMARY KEY (a, b)) STRICT, WITHOUT ROWID;
    CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT) STRICT;
    CREATE TABLE writes (n INTEGER); INSERT INTO writes VALUES (0);
    CREATE TRIGGER count_inserts AFTER INSERT ON hot BEGIN UPDATE writes SET n = n + 1; END;
    CREATE TRIGGER count_updates AFTER UPDATE ON hot BEGIN UPDATE writes SET n = n + 1; END;`);
  const fatal: Error[] = [];
  const diskFull: boolean[] = [];
  const commits = new GroupCommit(
    database,
    (error) => fatal.push(error),
    (isFull) => diskFull.push(isFull),
  );
  return { database, commits, fatal, diskFull };
}

async function close({ database, commits }: Opened): Promise<void> {
  await commits.close();
  await database.close();
}

test('a row that changes a thousand times is written once per group, in its latest state', async () => {
  const opened = await open();
  const { commits, database } = opened;
  const durable: Promise<void>[] = [];
  for (let units = 1; units <= 1_000; units++) {
    commits.put(HOT, [7, 9, String(units)]);
    durable.push(commits.durable());
  }
  await Promise.all(durable);
  expect(commits.groups).toBe(1);
  expect(await database.all('SELECT * FROM hot')).toEqual([{ a: 7, b: 9, units: 1_000 }]);
  expect(await database.all('SELECT n FROM writes')).toEqual([{ n: 1 }]);
  await close(opened);
});

test('what comes while a commit is under way goes into the next group, in order', async () => {
  const opened = await open();
  const { commits, database } = opened;
  let id = 0;
  const clients = Array.from({ length: 50 }, async () => {
    for (let step = 0; step < 20; step++) {
      id += 1;
      commits.add(LOG, [id, `row ${id}`]);
      commits.put(HOT, [1, 1, String(id)]);
      await commits.durable();
    }
  });
  await Promise.all(clients);
  expect(commits.groups).toBeGreaterThan(1);
  expect(commits.groups).toBeLessThan(200);
  expect(await database.all('SELECT count(*) AS n, max(id) AS last FROM log')).toEqual([{ n: 1_000, last: 1_000 }]);
  expect(await database.all('SELECT units FROM hot')).toEqual([{ units: 1_000 }]);
  await close(opened);
});

test('more rows than one statement takes are all written', async () => {
  const opened = await open();
  for (let id = 1; id <= 4_777; id++) opened.commits.add(LOG, [id, `row ${id}`]);
  await opened.commits.durable();
  const [row] = await opened.database.all<{ n: number; sum: number }>('SELECT count(*) AS n, sum(id) AS sum FROM log');
  expect(row).toEqual({ n: 4_777, sum: (4_777 * 4_778) / 2 });
  await close(opened);
});

test('groups of few and of many rows, of one table and of several, end in the same rows', async () => {
  const opened = await open();
  const { commits, database } = opened;
  const expected = new Map<number, string>();
  let id = 0;
  for (const rows of [1, 3, 700, 2, 1, 2_500, 5]) {
    for (let row = 0; row < rows; row++) {
      commits.put(HOT, [row, 1, String(row + rows)]);
      expected.set(row, String(row + rows));
      id += 1;
      if (rows % 2 === 1) commits.add(LOG, [id, `row ${id}`]);
      if (row % 3 !== 2) continue;
      commits.remove(HOT, [row - 1, 1]);
      expected.delete(row - 1);
    }
    await commits.durable();
    const found = await database.all<{ a: number; units: string }>(
      'SELECT a, CAST(units AS TEXT) AS units FROM hot ORDER BY a',
    );
    expect(found).toEqual([...expected].sort(([one], [other]) => one - other).map(([a, units]) => ({ a, units })));
  }
  expect(await database.all('SELECT count(*) AS n FROM log')).toEqual([{ n: 1 + 3 + 1 + 5 }]);
  await close(opened);
});

test('the last of put and remove decides, within a group and over groups', async () => {
  const opened = await open();
  const { commits, database } = opened;
  commits.put(HOT, [1, 1, '1']);
  commits.remove(HOT, [1, 1]);
  commits.put(HOT, [2, 2, '2']);
  await commits.durable();
  expect(await database.all('SELECT a FROM hot')).toEqual([{ a: 2 }]);
  commits.remove(HOT, [2, 2]);
  commits.put(HOT, [2, 2, '22']);
  commits.put(HOT, [3, 3, '3']);
  await commits.durable();
  commits.remove(HOT, [3, 3]);
  await commits.durable();
  expect(await database.all('SELECT a, units FROM hot')).toEqual([{ a: 2, units: 22 }]);
  await close(opened);
});

test('another connection sees a change as soon as its promise has resolved', async () => {
  const opened = await open();
  const other = await SqliteDatabase.open(opened.database.path, true);
  for (let id = 1; id <= 20; id++) {
    opened.commits.add(LOG, [id, 'seen']);
    await opened.commits.durable();
    expect(await other.all('SELECT max(id) AS last FROM log')).toEqual([{ last: id }]);
  }
  await other.close();
  await close(opened);
});

test('durable covers a commit that is under way, and resolves at once when nothing waits', async () => {
  const opened = await open();
  const { commits } = opened;
  await commits.durable();
  commits.add(LOG, [1, 'one']);
  let isFirstDone = false;
  const first = commits.durable().then(() => {
    isFirstDone = true;
  });
  const early: boolean[] = [];
  for (let turn = 0; !isFirstDone && turn < 1_000_000; turn++) {
    void commits.durable().then(() => early.push(!isFirstDone)); // before the group is taken, while it is written
    await new Promise((resolve) => setImmediate(resolve));
  }
  await first;
  expect(early.length).toBeGreaterThan(1);
  expect(early).not.toContain(true);
  await close(opened);
});

test('a commit that fails calls the fatal handler once, and rejects who waits and who comes later', async () => {
  const opened = await open();
  const { commits, fatal, database } = opened;
  commits.add(LOG, [1, 'one']);
  await commits.durable();
  commits.put(HOT, [5, 5, '5']);
  commits.add(LOG, [1, 'one again']); // the key is taken
  const failing = commits.durable();
  const sameGroup = commits.durable();
  await expect(failing).rejects.toThrow(/UNIQUE/);
  await expect(sameGroup).rejects.toThrow(/UNIQUE/);
  commits.put(HOT, [6, 6, '6']);
  await expect(commits.durable()).rejects.toThrow(/UNIQUE/);
  expect(fatal).toHaveLength(1);
  await commits.close();
  expect(await database.all('SELECT * FROM hot')).toEqual([]); // nothing of the group was kept
  await database.close();
});

test('a group that gathers while another fails is rejected too', async () => {
  const opened = await open();
  const { commits, fatal } = opened;
  commits.add(LOG, [1, 'one']);
  commits.add(LOG, [1, 'twice']);
  const failing = commits.durable();
  const outcomes: Promise<string>[] = [];
  let id = 10;
  while (fatal.length === 0 && id < 100_000) {
    id += 1;
    commits.add(LOG, [id, 'later']);
    outcomes.push(
      commits.durable().then(
        () => 'durable',
        () => 'rejected',
      ),
    );
    await new Promise((resolve) => setImmediate(resolve));
  }
  await expect(failing).rejects.toThrow(/UNIQUE/);
  expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['rejected']));
  await commits.close();
  expect(await opened.database.all('SELECT * FROM log')).toEqual([]);
  await opened.database.close();
});

test('a full disk is waited for: nothing is answered meanwhile, and everything is there once there is space', async () => {
  const opened = await open();
  const { commits, database, fatal, diskFull } = opened;
  await database.exec('PRAGMA max_page_count = 40');
  let answered = 0;
  let id = 0;
  const client = (async () => {
    while (id < 200) {
      id += 1;
      commits.add(LOG, [id, 'x'.repeat(2_000)]);
      commits.put(HOT, [1, 1, String(id)]);
      await commits.durable();
      answered = id;
    }
  })();
  for (let attempt = 0; attempt < 100 && diskFull.length === 0; attempt++) await sleep(20);
  expect(diskFull).toEqual([true]);
  const answeredWhenFull = answered;
  expect(answeredWhenFull).toBeGreaterThan(0);
  await sleep(200);
  expect(answered).toBe(answeredWhenFull);
  expect(id).toBe(answeredWhenFull + 1);

  await database.exec('PRAGMA max_page_count = 4000');
  await client;
  expect(diskFull).toEqual([true, false]);
  expect(fatal).toEqual([]);
  expect(await database.all('SELECT count(*) AS n FROM log')).toEqual([{ n: 200 }]);
  expect(await database.all('SELECT units FROM hot')).toEqual([{ units: 200 }]);
  await close(opened);
});

test('a disk that is full when the first rows of several tables come is waited for too', async () => {
  const opened = await open();
  const { commits, database, fatal, diskFull } = opened;
  await database.exec('PRAGMA max_page_count = 10');
  commits.put(HOT, [1, 1, '1']);
  commits.add(LOG, [1, 'x'.repeat(100_000)]);
  const written = commits.durable();
  for (let attempt = 0; attempt < 100 && diskFull.length === 0; attempt++) await sleep(20);
  expect(diskFull).toEqual([true]);
  await database.exec('PRAGMA max_page_count = 4000');
  await written;
  expect(fatal).toEqual([]);
  expect(await database.all('SELECT a, length(text) AS length FROM hot, log')).toEqual([{ a: 1, length: 100_000 }]);
  await close(opened);
});

test('amounts to the last unit and every kind of text come back as they were put, in one group of many rows', async () => {
  const opened = await open();
  const { commits, database } = opened;
  const amounts = ['9223372036854775807', '-9223372036854775808', '9007199254740993', '0', null];
  for (const [index, units] of amounts.entries()) commits.put(HOT, [index, Number.MAX_SAFE_INTEGER, units]);
  const texts = [
    '',
    '"quoted"',
    "it's",
    '\\',
    'line\nbreak\ttab',
    '{"a":[1]}',
    'null',
    '007',
    'žluťoučký 🐎',
    '\u0001',
    null,
  ];
  for (const text of texts) commits.add(LOG, [null, text]);
  for (let row = 0; row < 5_000; row++) commits.put(HOT, [row, -1, String(row)]);
  await commits.durable();
  expect(await database.all('SELECT CAST(units AS TEXT) AS units FROM hot WHERE b > 0 ORDER BY a')).toEqual(
    amounts.map((units) => ({ units })),
  );
  expect(await database.all('SELECT text FROM log ORDER BY id')).toEqual(texts.map((text) => ({ text })));
  expect(await database.all('SELECT count(*) AS rows, sum(units) AS sum FROM hot WHERE b = -1')).toEqual([
    { rows: 5_000, sum: (4_999 * 5_000) / 2 },
  ]);
  for (let row = 0; row < 5_000; row += 2) commits.remove(HOT, [row, -1]);
  await commits.durable();
  expect(await database.all('SELECT count(*) AS rows FROM hot WHERE b = -1')).toEqual([{ rows: 2_500 }]);
  await close(opened);
});

test('of a hundred conditional changes at once one finds its condition, and each is told which', async () => {
  const opened = await open();
  const { commits, database } = opened;
  const insert = 'INSERT INTO log VALUES (1, ?) ON CONFLICT DO NOTHING';
  const inserted = await Promise.all(Array.from({ length: 100 }, (_, client) => commits.change(insert, [`${client}`])));
  expect(inserted.filter((changedRows) => changedRows === 1)).toHaveLength(1);
  expect(inserted.filter((changedRows) => changedRows === 0)).toHaveLength(99);
  const update = "UPDATE log SET text = 'pending' WHERE id = 1 AND text <> 'pending'";
  const updated = await Promise.all(
    Array.from({ length: 100 }, async (_, client) => {
      await sleep(client % 7);
      commits.put(HOT, [client, 1, '5']);
      return commits.change(update, []);
    }),
  );
  expect(updated.reduce((sum, changedRows) => sum + changedRows)).toBe(1);
  expect(await database.all('SELECT text FROM log')).toEqual([{ text: 'pending' }]);
  await close(opened);
});
