import type { z } from 'zod';
import type { FieldError } from '../../contract/errors.ts';
import { pointerTo } from './check-shape.ts';

/** zod's issues as field errors: pointer, what is wrong, what would be accepted. */
export function fieldErrorsOf(error: Pick<z.core.$ZodError, 'issues'>, base = ''): FieldError[] {
  return error.issues.flatMap((issue) => {
    const pointer = issue.path.reduce<string>(pointerTo, base);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        pointer: pointerTo(pointer, key),
        detail: 'is not a known field',
        hint: 'remove it or mend its name',
      }));
    }
    if (isMissing(issue)) {
      return [{ pointer, detail: 'is missing', hint: `give a value of type ${wordFor(issue.expected)}` }];
    }
    if (issue.code === 'invalid_key')
      return [{ pointer, detail: plain(issue.issues[0]?.message ?? 'has a name that is not taken') }];
    if (issue.code === 'invalid_union' && issue.message === 'Invalid input') return unionErrors(issue, pointer);
    return [{ pointer, detail: plain(issue.message) }];
  });
}

/** Of several shapes the one that the value comes closest to tells what is wrong; else all their types are named. */
function unionErrors({ errors }: z.core.$ZodIssueInvalidUnion, pointer: string): FieldError[] {
  const meant = errors.find((issues) => issues.length > 0 && issues.every((one) => one.path.length > 0));
  if (meant) return fieldErrorsOf({ issues: meant }, pointer);
  const types = errors.flat().flatMap((one) => {
    if (one.path.length > 0) return [];
    if (one.code === 'invalid_type') return [wordFor(one.expected)];
    return one.code === 'invalid_value' ? one.values.map((value) => JSON.stringify(value)) : [];
  });
  return [{ pointer, detail: types.length > 0 ? `must be ${either([...new Set(types)])}` : 'is not valid here' }];
}

function either(words: string[]): string {
  return [words.slice(0, -1).join(', '), words.at(-1)].filter(Boolean).join(' or ');
}

/** Without `reportInput` a missing value is known by the message alone. */
function isMissing(issue: z.core.$ZodIssue): issue is z.core.$ZodIssueInvalidType {
  if (issue.code !== 'invalid_type') return false;
  return ('input' in issue && issue.input === undefined) || issue.message.endsWith('received undefined');
}

/** The library's word for a type in JSON's. */
function wordFor(type: string): string {
  if (type === 'record') return 'object';
  return type === 'int' ? 'integer' : type;
}

/** The library's own sentences in plainer words; ours stay as they are. */
function plain(message: string): string {
  const type = /^Invalid input: expected (\w+), received (\w+)$/.exec(message);
  if (type?.[2] === 'NaN') return 'must be a number';
  if (type) return `must be of type ${wordFor(type[1]!)}, not ${wordFor(type[2]!)}`;
  const bound = /^Too (big|small): expected (\w+) to (?:be|have) ([<>]=?)(.+)$/.exec(message);
  if (bound) return `must ${bound[2] === 'number' ? 'be' : 'have'} ${BOUNDS[bound[3]!]} ${bound[4]!}`;
  return lowerFirst(message);
}

const BOUNDS: Record<string, string> = { '<=': 'at most', '>=': 'at least', '<': 'less than', '>': 'more than' };

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
