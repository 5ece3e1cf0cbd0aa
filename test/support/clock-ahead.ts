import { vi } from 'vitest';

/** Puts the wall clock ahead until mocks are restored; timers go on as they were. */
export function putClockAhead(milliseconds: number): void {
  const now = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => now() + milliseconds);
}
