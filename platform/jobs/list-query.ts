import type { JobStatus } from '../../contract/job-view.ts';
import { JOB_WORKFLOW } from './describe-job.ts';

/** Filters of a list; everything given must hold, within one filter any value. Times are RFC 3339. */
export interface JobFilters {
  status?: JobStatus[];
  service?: string[];
  pool?: string[];
  tag?: string[];
  priority?: number[];
  error_code?: string[];
  created_after?: string;
  created_before?: string;
  ended_after?: string;
  ended_before?: string;
}

/** What Temporal can read as a time; an offset may lead out of it. Epoch milliseconds. */
const EARLIEST_MS = Date.parse('0001-01-01T00:00:00Z');
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** The visibility query of a list. Values are quoted; SQL visibility knows no ORDER BY. */
export function visibilityQuery(filters: JobFilters): string {
  const { status, priority, error_code: codes } = filters;
  return [
    `WorkflowType = ${quote(JOB_WORKFLOW)}`,
    status?.length ? anyOf([...new Set(status.map(statusClause))]) : '',
    inList('SwitchyardService', filters.service),
    inList('SwitchyardPool', filters.pool),
    inList('SwitchyardTags', filters.tag),
    priority?.length ? `SwitchyardPriority IN (${priority.map((p) => Math.trunc(p)).join(', ')})` : '',
    codes?.length
      ? inList(
          'SwitchyardError',
          codes.flatMap((code) => [code, `timed_out:${code}`]),
        )
      : '',
    compare('StartTime', '>=', filters.created_after),
    compare('StartTime', '<', filters.created_before),
    // The SQL stores give those that go on an end in the far future.
    (filters.ended_after ?? filters.ended_before) === undefined ? '' : `ExecutionStatus != 'Running'`,
    compare('CloseTime', '>=', filters.ended_after),
    compare('CloseTime', '<', filters.ended_before),
  ]
    .filter(Boolean)
    .join(' AND ');
}

/** `queued` and `running` are one to the visibility store; who lists tells them apart by a live look. */
function statusClause(status: JobStatus): string {
  switch (status) {
    case 'queued':
    case 'running':
      return `ExecutionStatus = 'Running'`;
    case 'completed':
      return `ExecutionStatus = 'Completed'`;
    case 'cancelled':
      return `ExecutionStatus IN ('Canceled', 'Terminated')`;
    case 'timed_out':
      return `(ExecutionStatus = 'TimedOut' OR (ExecutionStatus = 'Failed' AND SwitchyardError STARTS_WITH 'timed_out'))`;
    case 'failed':
      return `(ExecutionStatus = 'Failed' AND (SwitchyardError IS NULL OR SwitchyardError NOT STARTS_WITH 'timed_out'))`;
    default:
      return status satisfies never;
  }
}

function inList(attribute: string, values: string[] | undefined): string {
  return values?.length ? `${attribute} IN (${values.map(quote).join(', ')})` : '';
}

function compare(attribute: string, operator: string, time: string | undefined): string {
  if (time === undefined) return '';
  const ms = Math.min(Math.max(Date.parse(time), EARLIEST_MS), LATEST_MS);
  return `${attribute} ${operator} ${quote(new Date(ms).toISOString())}`;
}

function anyOf(clauses: string[]): string {
  return clauses.length === 1 ? clauses[0]! : `(${clauses.join(' OR ')})`;
}

function quote(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
