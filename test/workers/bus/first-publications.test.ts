import { expect, test } from 'vitest';
import { FirstPublications } from '../../../workers/bus/first-publications.ts';

test('what is sent again, however it is cut, is as old as when it was first sent', () => {
  let nowMs = 100;
  const first = new FirstPublications(() => nowMs);
  expect(first.send(0, 10)).toBe(100);
  nowMs = 200;
  expect(first.send(10, 30)).toBe(200);

  nowMs = 300;
  expect(first.send(0, 20)).toBe(100);
  expect(first.send(20, 40)).toBe(200); // its oldest event
  nowMs = 400;
  expect(first.send(40, 50)).toBe(400);
  expect(first.send(30, 50)).toBe(300); // of events 31 to 40

  first.advance(40);
  expect(first.send(40, 60)).toBe(400);
  first.advance(60);
  nowMs = 500;
  expect(first.send(60, 70)).toBe(500);
});
