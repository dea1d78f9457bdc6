import {
  type KeptProcess,
  keepRunning,
  type LifeEvent,
  type LiveProcess,
  type ReadyFacts,
} from '../../platform/processes/keep-running.ts';
import type { StackProcess } from './find-stack.ts';
import type { ProcessRecord } from '../../platform/processes/left-overs.ts';
import { StackError } from './stack-error.ts';

export interface Member {
  /** `temporal`, `server`, `pool-heavy`. */
  name: string;
  /** For people: `Temporal`, `API`, `worker heavy`. */
  title: string;
  logFile: string;
  launch: (signal: AbortSignal) => Promise<LiveProcess>;
}

/** The processes of a stack, each kept running, with what is known of them. */
export interface Crew {
  /** @returns what it said when it was ready. @throws Error when it cannot be brought up */
  start(member: Member): Promise<ReadyFacts>;
  /** Stops the named ones side by side. */
  stop(names: readonly string[], graceMs: number): Promise<void>;
  killNow(): void;
  names(): string[];
  processes(): StackProcess[];
}

/**
 * @param onChange called when a process came, went or became ready
 * @param tell a line for people
 */
export function createCrew(record: ProcessRecord, onChange: () => void, tell: (line: string) => void): Crew {
  const members = new Map<
    string,
    { member: Member; kept: KeptProcess; pid?: number; facts?: ReadyFacts; restarts: number }
  >();

  function onEvent(name: string, event: LifeEvent): void {
    const entry = members.get(name);
    if (!entry) return;
    const { title, logFile } = entry.member;
    switch (event.type) {
      case 'spawned':
        entry.pid = event.pid;
        record.add(name, event.pid);
        break;
      case 'ready':
        entry.facts = event.facts;
        if (entry.restarts > 0) tell(`${title} is back (process ${event.pid})`);
        break;
      case 'gone': {
        entry.pid = undefined;
        entry.restarts++;
        record.remove(event.pid);
        const next =
          event.restartInMs === undefined ? 'giving up' : `starting it again in ${event.restartInMs / 1_000} s`;
        const lines = [
          `${title} ${event.why}; ${next}. Its log: ${logFile}`,
          ...event.lastWords.map((line) => `    ${line}`),
        ];
        tell(lines.join('\n'));
        break;
      }
      default:
        event satisfies never;
    }
    onChange();
  }

  /** A full disk must not end the stack: what cannot be noted down is said, and that is all. */
  function onEventSafely(name: string, event: LifeEvent): void {
    try {
      onEvent(name, event);
    } catch (error) {
      tell(`warning: the state of the stack could not be written: ${(error as Error).message}`);
    }
  }

  return {
    start(member) {
      const kept = keepRunning({ launch: member.launch, onEvent: (event) => onEventSafely(member.name, event) });
      members.set(member.name, { member, kept, restarts: 0 });
      return kept.firstReady.catch((error: Error) => {
        throw new StackError(`${member.title} could not be started: it ${error.message}. Its log: ${member.logFile}`);
      });
    },
    async stop(names, graceMs) {
      await Promise.all(names.flatMap((name) => members.get(name)?.kept.stop(graceMs) ?? []));
    },
    killNow() {
      for (const { kept } of members.values()) kept.killNow();
    },
    names: () => [...members.keys()],
    processes: () =>
      [...members.values()].flatMap(({ member, pid, facts }) =>
        pid === undefined
          ? []
          : [
              {
                name: member.name,
                pid,
                ...(typeof facts?.['health_url'] === 'string' ? { health_url: facts['health_url'] } : {}),
                log_file: member.logFile,
              },
            ],
      ),
  };
}
