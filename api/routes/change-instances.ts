import { z } from 'zod';
import type { ErrorCode } from '../../contract/errors.ts';
import { instanceChangeSchema, instanceWishSchema } from '../../contract/instance.schema.ts';
import type { ApiContext } from '../context.ts';
import { readQuery } from '../http/read-query.ts';
import { readValue } from '../http/read-value.ts';
import { answerInstanceCommand, COMMAND_WAIT, instanceIdOf, waitShape } from '../machines/command-instance.ts';
import { type Answer, json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';
import { instanceBulkBodySchema, instanceExportBodySchema } from './instance-body.schema.ts';
import { MAX_COMMAND_BYTES } from './post-machine-command.ts';
import { readOptionalJson } from './request-document.ts';

const PROBLEMS: ErrorCode[] = [
  'not_found',
  'conflict',
  'validation',
  'malformed',
  'unsupported_media',
  'payload_too_large',
  'rate_limited',
  'timeout',
];
const UNDER_WAY = json('It takes longer; follow it at `/machines/{id}/operations/{op}`', ref('MachineOperation'));
const ABOUT =
  'A command to the machine, as `POST /machines/{id}/commands` gives it: a machine that is away is answered within 3 s, ' +
  'and nothing is done later. What is refused changes nothing.';

function content(schema: string, example?: unknown) {
  return { 'application/json': { schema: ref(schema), ...(example === undefined ? {} : { example }) } };
}

function answers(schema: string, status = 200, description = 'Done'): Record<number, Answer> {
  return { [status]: json(description, ref(schema)), 202: UNDER_WAY };
}

export function postInstance(api: ApiContext): Route {
  const query = z.strictObject({ ...waitShape, start: z.stringbool('must be true or false').optional() });
  return {
    method: 'post',
    path: '/instances/:machine',
    operation: {
      id: 'createInstance',
      tag: 'instances',
      summary: 'Create an instance',
      description:
        `${ABOUT} With a \`url\` it is a ComfyUI that runs already, else the machine starts one. The first start on a ` +
        'machine without ComfyUI installs it.',
      parameters: [
        { name: 'start', in: 'query', description: 'Start it at once', schema: { type: 'boolean', default: false } },
        COMMAND_WAIT,
      ],
      body: { required: true, content: content('InstanceWish', { name: 'Portraits', gpuDevice: 'auto' }) },
      answers: {
        201: {
          ...json('The new instance', ref('InstanceDocument')),
          headers: { Location: { description: 'Where it is read', schema: { type: 'string' } } },
        },
        202: UNDER_WAY,
      },
      problems: PROBLEMS,
    },
    async handle(req, res) {
      const { wait, start = false } = readQuery(req, query);
      const config = readValue((await readOptionalJson(req)) ?? {}, instanceWishSchema);
      const location = (machine: string, made: unknown) => `/instances/${machine}/${(made as { id: string }).id}`;
      await answerInstanceCommand(
        api,
        req,
        res,
        { kind: 'instance.create', args: { config, start } },
        { wait, location },
      );
    },
  };
}

export function patchInstance(api: ApiContext): Route {
  return {
    method: 'patch',
    path: '/instances/:machine/:id',
    operation: {
      id: 'changeInstance',
      tag: 'instances',
      summary: 'Change an instance',
      description: `${ABOUT} \`null\` takes a field away. What its process was started with is changed while it is stopped.`,
      parameters: [COMMAND_WAIT],
      body: { required: true, content: content('InstanceChange', { maxConcurrentWorkflows: 2 }) },
      answers: answers('InstanceDocument'),
      problems: PROBLEMS,
    },
    async handle(req, res) {
      const change = readValue((await readOptionalJson(req)) ?? {}, instanceChangeSchema);
      await answerInstanceCommand(api, req, res, {
        kind: 'instance.update',
        args: { id: instanceIdOf(req), change },
      });
    },
  };
}

export function deleteInstance(api: ApiContext): Route {
  return {
    method: 'delete',
    path: '/instances/:machine/:id',
    operation: {
      id: 'deleteInstance',
      tag: 'instances',
      summary: 'Stop and forget an instance',
      description: `${ABOUT} Its history goes too; jobs on it go to other instances.`,
      parameters: [COMMAND_WAIT],
      answers: answers('InstanceDeleted'),
      problems: PROBLEMS,
    },
    handle: (req, res) =>
      answerInstanceCommand(api, req, res, { kind: 'instance.delete', args: { id: instanceIdOf(req) } }),
  };
}

const VERBS = {
  start: 'Start an instance, and wait until it answers',
  stop: 'Stop an instance; its jobs go to others',
  restart: 'Stop and start an instance',
  pause: 'Give an instance no more jobs',
  resume: 'Give a paused instance jobs again',
  use: 'Make an instance the active one',
} as const;

export function instanceVerbs(api: ApiContext): Route[] {
  return (Object.keys(VERBS) as (keyof typeof VERBS)[]).map((verb) => ({
    method: 'post',
    path: `/instances/:machine/:id/${verb}`,
    operation: {
      id: `${verb}Instance`,
      tag: 'instances',
      summary: VERBS[verb],
      description: ABOUT,
      parameters: [COMMAND_WAIT],
      answers: answers('InstanceDocument'),
      problems: PROBLEMS,
    },
    handle: (req, res) =>
      answerInstanceCommand(api, req, res, { kind: `instance.${verb}`, args: { id: instanceIdOf(req) } }),
  }));
}

/** One command for many instances of a machine. */
export function instanceBulk(api: ApiContext): Route[] {
  return (['start', 'stop', 'restart', 'pause', 'resume', 'delete'] as const).map((verb) => ({
    method: 'post',
    path: `/instances/:machine/${verb}`,
    operation: {
      id: `${verb}Instances`,
      tag: 'instances',
      summary: `${verb[0]!.toUpperCase()}${verb.slice(1)} several instances of a machine at once`,
      description: `${ABOUT} When one of \`ids\` is unknown nothing is done with any; otherwise each has its own outcome.`,
      parameters: [COMMAND_WAIT],
      body: { required: true, content: content('InstanceBulk', { ids: ['instance_001', 'instance_002'] }) },
      answers: answers('InstanceBulkResult', 200, 'Done with `instances`, not with `failed`'),
      problems: PROBLEMS,
    },
    async handle(req, res) {
      const args = readValue((await readOptionalJson(req)) ?? {}, instanceBulkBodySchema);
      await answerInstanceCommand(api, req, res, { kind: `instance.${verb}`, args });
    },
  }));
}

export function postExportInstances(api: ApiContext): Route {
  return {
    method: 'post',
    path: '/instances/:machine/export',
    operation: {
      id: 'exportInstances',
      tag: 'instances',
      summary: 'Export the configuration of all instances of a machine',
      description: 'As the import takes it. Keys and secret variables are hidden.',
      parameters: [COMMAND_WAIT],
      body: { content: content('InstanceExportBody') },
      answers: answers('InstanceExport'),
      problems: PROBLEMS,
    },
    async handle(req, res) {
      const args = readValue((await readOptionalJson(req)) ?? {}, instanceExportBodySchema);
      await answerInstanceCommand(api, req, res, { kind: 'instance.export', args });
    },
  };
}

export function postImportInstances(api: ApiContext): Route {
  return {
    method: 'post',
    path: '/instances/:machine/import',
    operation: {
      id: 'importInstances',
      tag: 'instances',
      summary: 'Import instances',
      description:
        'An export, or the configuration of a single ComfyUI (`{"endpoint": "http://…"}`), which becomes the instance ' +
        '`default`. All or nothing; those whose id is there are changed.',
      parameters: [COMMAND_WAIT],
      body: { required: true, content: { 'application/json': { schema: { type: 'object' } } } },
      answers: answers('InstanceImport'),
      problems: PROBLEMS,
    },
    async handle(req, res) {
      const data = readValue((await readOptionalJson(req, MAX_COMMAND_BYTES)) ?? {}, z.record(z.string(), z.unknown()));
      await answerInstanceCommand(api, req, res, { kind: 'instance.import', args: { data } });
    },
  };
}
