import type { ApiContext } from '../context.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';
import { findMachine } from './find-machine.ts';

export function getMachines(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/machines',
    operation: {
      id: 'listMachines',
      tag: 'machines',
      summary: 'List the machines',
      description:
        'Each with its card: GPUs, services, instances, workers. From presence, a second or two old; machines that are ' +
        'away or have left are listed for a week.',
      answers: { 200: json('All machines', ref('MachineList')) },
    },
    handle(_req, res) {
      res.json({ machines: api.machines.list() });
    },
  };
}

export function getMachine(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/machines/:id',
    operation: {
      id: 'getMachine',
      tag: 'machines',
      summary: 'Read a machine',
      answers: { 200: json('The machine', ref('Machine')) },
      problems: ['not_found'],
    },
    async handle(req, res) {
      res.json(await findMachine(api, req));
    },
  };
}
