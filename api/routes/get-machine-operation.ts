import { readOperation } from '../../platform/machines/send-command.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';
import { findMachine } from './find-machine.ts';

/** Milliseconds: what cannot be known is said within 3 s. */
const ASK_MS = 2_500;

export function getMachineOperation(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/machines/:id/operations/:op',
    operation: {
      id: 'getMachineOperation',
      tag: 'machines',
      summary: 'What became of a command',
      description: 'The latest 50 of a machine are kept; all stand in the history of its workflow.',
      answers: { 200: json('The operation', ref('MachineOperation')) },
      problems: ['not_found'],
    },
    async handle(req, res) {
      const { id } = await findMachine(api, req);
      const op = String(req.params['op']);
      const operation = await readOperation(api.client, id, op, ASK_MS);
      if (!operation)
        throw new HttpProblem('not_found', `Machine ${id} knows no operation ${JSON.stringify(op.slice(0, 100))}`);
      res.json(operation);
    },
  };
}
