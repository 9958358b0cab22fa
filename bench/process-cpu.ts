import { readdirSync, readFileSync } from 'node:fs';

/** Hertz of the times in /proc: a constant of Linux for programs. */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  readonly parent: number;
  readonly command: string;
  /** Seconds, those of children that have ended included. */
  readonly cpu: number;
}

/** One line of `/proc/<pid>/stat`; the command stands in parentheses and may hold anything. */
export function parseStat(line: string): ProcessTimes {
  const close = line.lastIndexOf(')');
  const fields = line.slice(close + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  return {
    parent: field(4),
    command: line.slice(line.indexOf('(') + 1, close),
    cpu: [14, 15, 16, 17].reduce((sum, number) => sum + field(number), 0) / TICKS_PER_SECOND,
  };
}

/** CPU seconds of a process and all its descendants until now, by command. Linux only. */
export function processTreeCpu(pid: number): Readonly<Record<string, number>> {
  const processes = new Map<number, ProcessTimes>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      processes.set(Number(name), parseStat(readFileSync(`/proc/${name}/stat`, 'utf8')));
    } catch {
      // It ended in between.
    }
  }
  const belongs = (id: number): boolean => id === pid || belongsTo(processes.get(id)?.parent);
  const belongsTo = (parent: number | undefined) => parent !== undefined && parent > 0 && belongs(parent);
  const cpu: Record<string, number> = {};
  for (const [id, { command, cpu: seconds }] of processes) {
    if (belongs(id)) cpu[command] = (cpu[command] ?? 0) + seconds;
  }
  return cpu;
}
