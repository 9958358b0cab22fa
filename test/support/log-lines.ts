import { vi } from 'vitest';

/** Catches what is logged from now on, as parsed lines; `vi.restoreAllMocks()` ends it. */
export function catchLogLines(): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => {
    lines.push(JSON.parse(String(line)) as Record<string, unknown>);
    return true;
  });
  return lines;
}
