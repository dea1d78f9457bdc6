/** `ok`; `warn`: works, but not as it might; `fail`: does not work; `skip`: could not be looked at now, or is not in use. */
export type Level = 'ok' | 'warn' | 'fail' | 'skip';

/** One line of `switchyard doctor`. */
export interface Finding {
  /** What was looked at. */
  name: string;
  level: Level;
  /** What was found. */
  text: string;
  /** What to do about it. */
  fix?: string;
}

export function finding(name: string, level: Level, text: string, fix?: string): Finding {
  return { name, level, text, ...(fix === undefined ? {} : { fix }) };
}
