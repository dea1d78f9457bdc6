import type { FoundOperation, OpenApiDocument, Operation, PathItem, Schema } from './document.ts';
import { artifactsIn, responseOf } from './response-of.ts';
import { flattened } from './to-json-schema.ts';

type State = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';

/** Words that services use. */
const WORDS: Record<State, readonly string[]> = {
  pending:
    'queued pending waiting submitted accepted scheduled created in_queue not_started validating throttled'.split(' '),
  running: 'running processing in_progress started starting working active executing generating'.split(' '),
  completed: 'completed complete succeeded success successful done finished ready ended'.split(' '),
  failed: 'failed failure error errored rejected expired timeout timed_out dead'.split(' '),
  cancelled: 'cancelled canceled aborted stopped terminated cancelling canceling'.split(' '),
};
const ID = ['id', 'job_id', 'jobId', 'task_id', 'taskId', 'request_id', 'requestId', 'uuid', 'name'];

/** The part of a service file for a service that takes a job and is asked how it is. */
export interface FoundAsync {
  async: Record<string, unknown>;
  response: Record<string, unknown>;
}

/**
 * Whether an operation begins a job that another operation tells of: its answer has an id, below its path there is a
 * GET by that id, and that one's answer has a state with words for its end.
 */
export function asyncOf(
  document: OpenApiDocument,
  found: FoundOperation,
  answer: Schema | undefined,
  remarks: Set<string>,
): FoundAsync | undefined {
  const properties = flattened(answer ?? {}).properties ?? {};
  const id = ID.find((name) => name in properties);
  const place = id === undefined ? undefined : statusPath(document, found.path);
  if (id === undefined || !place) return undefined;
  const status = place.item['get'] as Operation;
  const read = responseOf(status, new Set());
  const schema = typeof read === 'string' ? undefined : read.schema;
  const told = schema?.properties ?? {};
  const state = ['status', 'state'].find((name) => name in told);
  if (!schema || state === undefined) return undefined;
  const words = flattened(told[state] ?? {}).enum?.map(String);
  const accepted = '202' in (found.operation.responses ?? {});
  const states = statesOf(words ?? Object.values(WORDS).flat());
  if (!Object.values(states).includes('completed') || (!words && !accepted)) return undefined;
  remarks.add(`it is taken for a service that is asked how a job is (GET ${place.path}); check "async"`);
  if (!words) remarks.add(`the words of "${state}" are not described: "async.states" holds common ones`);
  const unknown = words?.filter((word) => !(word in states)) ?? [];
  if (unknown.length > 0) remarks.add(`say under "async.states" what these mean: ${unknown.join(', ')}`);
  const path = place.path.replace(/\{[^}]+\}/, '{{ id }}');
  return {
    async: {
      job_id: id,
      status: { path },
      state,
      states,
      ...optional('progress', progressOf(told)),
      ...optional('error', errorOf(told)),
      ...optional('cancel', cancelOf(document, place.path)),
    },
    response: artifactsIn(schema, remarks),
  };
}

function statusPath({ paths = {} }: OpenApiDocument, path: string): { path: string; item: PathItem } | undefined {
  const below = path.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replace(/\/$/, '');
  const shape = new RegExp(`^${below}/\\{[^}]+\\}(/status)?$`);
  const entry = Object.entries(paths).find(([each, item]) => shape.test(each) && item['get'] !== undefined);
  return entry && { path: entry[0], item: entry[1] };
}

function statesOf(words: readonly string[]): Record<string, State> {
  const states: Record<string, State> = {};
  for (const word of words) {
    const plain = word.toLowerCase().replaceAll(/[\s-]/g, '_');
    const state = (Object.keys(WORDS) as State[]).find((each) => WORDS[each].includes(plain));
    if (state) states[word] = state;
  }
  return states;
}

function progressOf(properties: Record<string, Schema>): string | undefined {
  const name = ['progress', 'percent', 'percentage', 'progress_percent'].find((each) => each in properties);
  if (name === undefined) return undefined;
  const { type, maximum } = flattened(properties[name] ?? {}) as { type?: string; maximum?: number };
  if (type !== 'number' && type !== 'integer') return undefined;
  return maximum !== undefined && maximum <= 1 ? `${name} * 100` : name;
}

function errorOf(properties: Record<string, Schema>): string | undefined {
  const name = ['error', 'failure', 'error_message', 'message'].find((each) => each in properties);
  if (name === undefined) return undefined;
  return flattened(properties[name] ?? {}).properties?.['message'] ? `${name}.message` : name;
}

function cancelOf({ paths = {} }: OpenApiDocument, statusPlace: string): Record<string, unknown> | undefined {
  const place = statusPlace.replace(/\/status$/, '');
  const path = place.replace(/\{[^}]+\}/, '{{ id }}');
  for (const word of ['cancel', 'stop', 'abort']) {
    if (paths[`${place}/${word}`]?.['post']) return { method: 'POST', path: `${path}/${word}` };
  }
  return paths[place]?.['delete'] ? { method: 'DELETE', path } : undefined;
}

function optional(name: string, value: unknown): Record<string, unknown> {
  return value === undefined ? {} : { [name]: value };
}
