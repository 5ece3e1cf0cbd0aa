import { expect, test } from 'vitest';
import { RateLimiter } from '../../gateway/rest/rate-limiter.ts';

function limiter(perMinute: number, burst: number) {
  const time = { ms: 1_000 };
  return { time, limiter: new RateLimiter({ perMinute, burst }, () => time.ms) };
}

test('a minute of requests and the burst pass at once, the next is told when to come back', () => {
  const { limiter: limits } = limiter(120, 5);
  for (let request = 0; request < 125; request++) expect(limits.take('a'), `request ${request}`).toBe(0);
  expect(limits.take('a')).toBe(500);
  expect(limits.take('b')).toBe(0);
});

test('a client that keeps exactly to the rate is never refused', () => {
  const { time, limiter: limits } = limiter(600, 5);
  for (let request = 0; request < 10_000; request++) {
    expect(limits.take('key'), `request ${request}`).toBe(0);
    time.ms += 100;
  }
});

test('refused requests cost nothing: the wait that was told is enough', () => {
  const { time, limiter: limits } = limiter(60, 0);
  while (limits.take('a') === 0);
  for (let request = 0; request < 50; request++) limits.take('a');
  time.ms += limits.take('a');
  expect(limits.take('a')).toBe(0);
  expect(limits.take('a')).toBeGreaterThan(0);
});
