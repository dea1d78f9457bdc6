import { parseDuration } from '../../contract/duration.ts';
import type { TraceJob } from './simulate.ts';

/** A job of a trace that may say which pool it ran in. */
export interface TraceLine extends TraceJob {
  pool?: string;
}

export interface BadLine {
  /** From 1. */
  line: number;
  problem: string;
}

export interface Trace {
  jobs: TraceLine[];
  /** Lines that are no job; the first hundred. */
  bad: BadLine[];
  badCount: number;
}

const FIELDS = ['at', 'duration', 'pool', 'failed'] as const;
type Field = (typeof FIELDS)[number];

const KEPT_BAD = 100;
/** A year of milliseconds: larger numbers under `duration` are a mistake in the unit or the column. */
const LONGEST = 31_536_000_000;

/**
 * Reads a trace: JSON lines (`{"at": …, "duration": …, "pool"?, "failed"?}`) or CSV with a heading that names these
 * columns in any order; further ones are left aside. `at` is RFC 3339 or milliseconds, `duration` milliseconds or text
 * such as `2s`, `failed` true or false. Which of the two it is, the first character tells.
 */
export function readTrace(text: string): Trace {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  const trace: Trace = { jobs: [], bad: [], badCount: 0 };
  const first = lines.findIndex((line) => line.trim() !== '');
  if (first < 0) return trace;
  const json = lines[first]!.trimStart().startsWith('{');
  const heading = json ? undefined : headingOf(lines[first]!);
  if (heading && 'problem' in heading) return { jobs: [], bad: [{ line: first + 1, ...heading }], badCount: 1 };
  lines.slice(json ? first : first + 1).forEach((line, index) => {
    if (line.trim() === '') return;
    const job = jobOf(heading ? csvFields(line, heading) : jsonFields(line));
    if (!('problem' in job)) return void trace.jobs.push(job);
    trace.badCount++;
    if (trace.bad.length < KEPT_BAD) trace.bad.push({ line: first + index + (json ? 1 : 2), problem: job.problem });
  });
  return trace;
}

type Fields = Partial<Record<Field, unknown>>;
interface Problem {
  problem: string;
}

function isProblem(found: Fields | Problem): found is Problem {
  return 'problem' in found;
}

function headingOf(line: string): Field[] | Problem {
  const names = splitCsv(line).map((name) => name.trim().toLowerCase());
  const missing = (['at', 'duration'] as const).filter((name) => !names.includes(name));
  if (missing.length === 0) return names as Field[];
  return {
    problem: `is no heading of a trace: it lacks ${missing.map((name) => `"${name}"`).join(' and ')}. A CSV begins with e.g. "at,duration,pool,failed", JSON lines with "{"`,
  };
}

function csvFields(line: string, heading: readonly Field[]): Fields | Problem {
  const cells = splitCsv(line);
  if (cells.length !== heading.length)
    return { problem: `has ${cells.length} fields, the heading has ${heading.length}` };
  return Object.fromEntries(heading.map((name, index) => [name, cells[index]!.trim() || undefined]));
}

function jsonFields(line: string): Fields | Problem {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    return { problem: 'is no JSON object' };
  } catch (error) {
    return { problem: `is no JSON: ${(error as Error).message}` };
  }
}

function jobOf(fields: Fields | Problem): TraceLine | Problem {
  if (isProblem(fields)) return fields;
  const { at: atField, duration: durationField, pool, failed } = fields;
  const at = timeOf(atField);
  if (at === undefined) return { problem: `at: ${said(atField)} is no time: RFC 3339 or milliseconds` };
  const duration = durationOf(durationField);
  if (duration === undefined) {
    return { problem: `duration: ${said(durationField)} is none: milliseconds, or text such as "2s", up to a year` };
  }
  const flag = flagOf(failed);
  if (flag === undefined) return { problem: `failed: ${said(failed)} is neither true nor false` };
  if (pool !== undefined && (typeof pool !== 'string' || pool === ''))
    return { problem: `pool: ${said(pool)} is no name` };
  return { at, duration, ...(flag ? { failed: true } : {}), ...(pool === undefined ? {} : { pool }) };
}

function timeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && Math.abs(value) < 8.64e15 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const at = /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : Date.parse(value);
  return Number.isFinite(at) && Math.abs(at) < 8.64e15 ? at : undefined;
}

function durationOf(value: unknown): number | undefined {
  const text = typeof value === 'string' && !/^\d+(\.\d+)?$/.test(value);
  const ms = text ? parseDuration(value) : typeof value === 'string' ? Number(value) : value;
  return typeof ms === 'number' && ms >= 0 && ms <= LONGEST ? ms : undefined;
}

function flagOf(value: unknown): boolean | undefined {
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  const text = typeof value === 'string' || typeof value === 'number' ? String(value).toLowerCase() : '';
  if (['true', '1', 'yes'].includes(text)) return true;
  return ['false', '0', 'no'].includes(text) ? false : undefined;
}

function said(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60);
}

/** RFC 4180, without line breaks inside a field. */
function splitCsv(line: string): string[] {
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!;
    if (quoted && c === '"' && line[i + 1] === '"') cell += line[++i];
    else if (c === '"') quoted = !quoted;
    else if (c === ',' && !quoted) {
      cells.push(cell);
      cell = '';
    } else cell += c;
  }
  return [...cells, cell];
}
