import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { MachineCommandKind } from '../../contract/machine-command.ts';
import type { ApiContext } from '../context.ts';
import { readValue } from '../http/read-value.ts';
import { commandMachine } from '../machines/command-machine.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';
import { findMachine } from './find-machine.ts';
import { commandBodySchema, verbBodySchema } from './machine-command.schema.ts';
import { readOptionalJson } from './request-document.ts';

/** An import of many instances is the largest; it stands in Temporal's history. */
export const MAX_COMMAND_BYTES = 512_000;

const ANSWERS = {
  200: json('It has ended: see its state', ref('MachineOperation')),
  202: json('It is under way; follow it at `/machines/{id}/operations/{op}`', ref('MachineOperation')),
};

const ABOUT =
  'It runs on the machine, which opens no port for it, and its result comes back. A machine that is away, or does not ' +
  'take it, is answered within 3 s, and the command is never run later. All commands stand in the history of the ' +
  "machine's workflow.";

export function postMachineCommand(api: ApiContext): Route {
  return {
    method: 'post',
    path: '/machines/:id/commands',
    operation: {
      id: 'commandMachine',
      tag: 'machines',
      summary: 'Give a command to a machine',
      description: ABOUT,
      body: {
        required: true,
        content: {
          'application/json': {
            schema: ref('MachineCommandBody'),
            example: { kind: 'service.restart', args: { name: 'comfyui-gpu0' } },
          },
        },
      },
      answers: ANSWERS,
      problems: ['not_found', 'conflict', 'validation', 'malformed', 'unsupported_media', 'rate_limited'],
    },
    async handle(req, res) {
      const body = readValue((await readOptionalJson(req, MAX_COMMAND_BYTES)) ?? {}, commandBodySchema);
      await answer(api, req, res, body.kind, body);
    },
  };
}

const VERBS = {
  drain: 'Let the jobs of a machine finish and take no new ones',
  resume: 'Take jobs again',
  restart: 'Start the machine process anew',
  stop: 'Stop the machine process',
} as const;

/** The commands that every machine knows, at addresses of their own. */
export function machineVerbs(api: ApiContext): Route[] {
  return (Object.keys(VERBS) as (keyof typeof VERBS)[]).map((verb) => ({
    method: 'post',
    path: `/machines/:id/${verb}`,
    operation: {
      id: `${verb}Machine`,
      tag: 'machines',
      summary: VERBS[verb],
      description: ABOUT,
      body: { content: { 'application/json': { schema: ref('MachineVerbBody') } } },
      answers: ANSWERS,
      problems: ['not_found', 'conflict', 'validation', 'malformed', 'unsupported_media', 'rate_limited'],
    },
    async handle(req, res) {
      await answer(api, req, res, verb, readValue((await readOptionalJson(req)) ?? {}, verbBodySchema));
    },
  }));
}

async function answer(
  api: ApiContext,
  req: Request,
  res: Response,
  kind: MachineCommandKind,
  body: z.output<typeof verbBodySchema>,
): Promise<void> {
  const operation = await commandMachine(api, await findMachine(api, req), kind, body);
  res.status(operation.state === 'running' ? 202 : 200).json(operation);
}
