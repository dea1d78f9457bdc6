import type { Request, Response } from 'express';
import { z } from 'zod';
import type { MachineCommandKind } from '../../contract/machine-command.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { readQuery } from '../http/read-query.ts';
import type { Parameter } from '../openapi/operation.ts';
import { findMachine } from '../routes/find-machine.ts';
import { commandMachine } from './command-machine.ts';

/** Of addresses that give a command: how long to wait for its result. */
export const waitShape = {
  wait: z
    .string()
    .regex(/^\d{1,2}$/, 'must be a number of seconds, 0–60')
    .transform(Number)
    .refine((seconds) => seconds <= 60, 'must be a number of seconds, 0–60')
    .optional(),
};
const waitOnly = z.strictObject(waitShape);

export const COMMAND_WAIT: Parameter = {
  name: 'wait',
  in: 'query',
  description: 'Longest wait for the result, seconds; default 30. Then the operation goes on and can be followed',
  schema: { type: 'integer', minimum: 0, maximum: 60 },
};

interface Asked {
  /** Longest wait, seconds. Default: the one that the query says. */
  wait?: number | undefined;
  /** Made when the machine has done it; 201 instead of 200. */
  location?(machine: string, result: unknown): string;
}

/**
 * Gives a command about instances to the machine that the path names, and answers with its result: a thin form of
 * `POST /machines/{id}/commands` whose failures are problems. What takes longer is answered with 202 and an operation.
 * @throws HttpProblem what the machine refused it with
 */
export async function answerInstanceCommand(
  api: ApiContext,
  req: Request,
  res: Response,
  command: { kind: MachineCommandKind; args: Record<string, unknown> },
  asked: Asked = {},
): Promise<void> {
  const wait = 'wait' in asked ? asked.wait : readQuery(req, waitOnly).wait;
  const machine = await findMachine(api, req, 'machine');
  const operation = await commandMachine(api, machine, command.kind, { args: command.args, wait });
  if (operation.state === 'running') {
    res.status(202).location(`${api.addresses.apiUrl}/machines/${machine.id}/operations/${operation.id}`);
    res.json(operation);
    return;
  }
  const { state, error, result } = operation;
  if (state !== 'succeeded')
    throw new HttpProblem(error?.code ?? 'internal', error?.message ?? 'The machine did not say why', {
      ...(error?.errors ? { errors: error.errors } : {}),
    });
  if (asked.location) res.status(201).location(api.addresses.apiUrl + asked.location(machine.id, result));
  res.json(result);
}

/** The instance that the path names, as an argument of a command. */
export function instanceIdOf(req: Request): string {
  return String(req.params['id']);
}
