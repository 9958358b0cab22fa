import { describe, expect, it } from 'vitest';
import { parseStat } from '../../../bench/process-cpu.ts';

describe('a line of /proc/<pid>/stat', () => {
  it('tells parent, command and the CPU seconds of the process and its ended children', () => {
    const line = '42 (my (odd) name) S 7 42 42 0 -1 4194560 100 0 0 0 150 50 20 30 20 0 1 0 100';
    expect(parseStat(line)).toEqual({ parent: 7, command: 'my (odd) name', cpu: 2.5 });
  });
});
