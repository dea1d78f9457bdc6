/** `not_run`: it could not be tried because something before it failed, or money was not allowed to be spent. */
export type CheckStatus = 'passed' | 'failed' | 'not_applicable' | 'not_run';

export interface CheckResult {
  id: string;
  title: string;
  status: CheckStatus;
  /** What was seen, or why it was not tried. */
  seen?: string;
  /** What to do about it. */
  advice?: string;
  /** Milliseconds. */
  took_ms?: number;
}

export interface ContractReport {
  service: string;
  connector: string;
  /** Where the jobs went, as far as the connector says. */
  url?: string;
  may_cost: boolean;
  jobs_submitted: number;
  /** Nothing failed. */
  passed: boolean;
  checks: CheckResult[];
}

/** What only a double can be made to do; `tests/connectors/<family>/` asks for it. */
export const WITH_A_DOUBLE_ONLY: readonly (readonly [id: string, title: string])[] = [
  ['rate-limit', '429 is waited out as long as Retry-After says'],
  ['server-error', 'a 5xx is tried again, and one that stays fails the job'],
  ['silence', 'silence ends as a time-out'],
  ['reset', 'a connection that is reset never leads to two submissions'],
  ['drop', 'a connection that drops while the backend works costs nothing'],
  ['endless-output', 'an output without end is cut off at the cap'],
  ['malformed', 'an answer that makes no sense is the fault of the backend, and is shown'],
];
