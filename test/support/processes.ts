import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** All processes that descend from one, without it. */
export function descendantsOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const [process, parent] of parents()) children.set(parent, [...(children.get(parent) ?? []), process]);
  const found: number[] = [];
  const visit = (of: number) => {
    for (const child of children.get(of) ?? []) {
      found.push(child);
      visit(child);
    }
  };
  visit(pid);
  return found;
}

/** Those that still run; what has ended and only waits for its parent is gone. */
export function stillRunning(pids: readonly number[]): number[] {
  const running = new Set([...parents()].map(([pid]) => pid));
  return pids.filter((pid) => running.has(pid));
}

/** Each running process with its parent. */
function parents(): [pid: number, parent: number][] {
  if (!existsSync('/proc/self/stat')) {
    return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .flatMap(([pid, parent, state]) =>
        state === undefined || state.startsWith('Z') ? [] : [[Number(pid), Number(parent)]],
      );
  }
  const found: [number, number][] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // "pid (name) state parent ...": the name may hold spaces and parentheses.
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state !== 'Z') found.push([Number(name), Number(parent)]);
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}
