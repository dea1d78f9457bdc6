import { readProcess } from '../../platform/processes/read-process.ts';

/** Asked to stop, and perhaps to hurry. */
export interface StopRequest {
  /** Settles with the reason at the first request. */
  readonly first: Promise<string>;
  /** Settles at the second Ctrl-C. */
  readonly second: Promise<string>;
  dispose(): void;
}

const PARENT_CHECK_MS = 1_000;

/** npm runs a script through a shell, which some shells leave at once (exec) and some stay in until it ends. */
const SCRIPT_SHELL = /^\S*\b(sh|dash|ash|bash|zsh|ksh|busybox)\b.* -c /;

/** @returns whether the npm that started this process has ended since */
function watchNpm(): () => boolean {
  const parent = process.ppid;
  const shell = readProcess(parent);
  const grandparent = shell && SCRIPT_SHELL.test(shell.command) ? shell.parent : undefined;
  return () => process.ppid !== parent || (grandparent !== undefined && readProcess(parent)?.parent !== grandparent);
}

/**
 * Ctrl-C, SIGTERM, a closed terminal, or the death of the npm that started this process.
 * @param underNpm npm does not hand SIGTERM on, and cannot when it is killed: then the parent's number changes
 */
export function listenForStop(underNpm: boolean): StopRequest {
  let onFirst!: (why: string) => void;
  let onSecond!: (why: string) => void;
  const first = new Promise<string>((resolve) => {
    onFirst = resolve;
  });
  const second = new Promise<string>((resolve) => {
    onSecond = resolve;
  });
  let asked = false;
  const ask = (why: string) => {
    if (asked) onSecond(why);
    asked = true;
    onFirst(why);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const listeners = signals.map((signal) => [signal, () => ask(signal)] as const);
  for (const [signal, listener] of listeners) process.on(signal, listener);
  const npmIsGone = underNpm ? watchNpm() : () => false;
  const watch = setInterval(() => {
    if (!asked && npmIsGone()) ask('npm is gone');
  }, PARENT_CHECK_MS);
  watch.unref();
  return {
    first,
    second,
    dispose() {
      clearInterval(watch);
      for (const [signal, listener] of listeners) process.off(signal, listener);
    },
  };
}
