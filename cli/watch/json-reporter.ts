import { note, sayJson, type Terminal } from '../terminal.ts';
import type { Reporter } from './reporter.ts';

/** For a program: every event as the API sends it, one line each. */
export function createJsonReporter(terminal: Terminal): Reporter {
  return {
    update: (event) => sayJson(terminal, event, 'line'),
    live: (event) => sayJson(terminal, event, 'line'),
    notice: (text) => note(terminal, text),
    close() {},
  };
}
