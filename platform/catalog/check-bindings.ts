import type { ConfigProblem } from '../config/config-error.ts';
import { meant } from '../config/nearest.ts';
import { BUILT_IN_BINDINGS, type ServiceMapping } from './service-mapping.schema.ts';

const BUILT_IN: readonly string[] = BUILT_IN_BINDINGS;

/** Every worker's binding must be built in or defined, and a definition must not stand for a built-in one. */
export function checkBindings(mapping: ServiceMapping, problems: ConfigProblem[]): void {
  const own = Object.keys(mapping.resource_bindings ?? {});
  for (const name of own.filter((each) => BUILT_IN.includes(each))) {
    problems.push({
      name: `resource_bindings.${name}`,
      problem: 'is built in and cannot be defined',
      hint: 'choose another name',
    });
  }
  for (const [workerId, { resource_binding: binding }] of Object.entries(mapping.workers)) {
    if (BUILT_IN.includes(binding) || own.includes(binding)) continue;
    problems.push({
      name: `workers.${workerId}.resource_binding`,
      problem: `there is no binding "${binding}"`,
      hint: `${meant(binding, [...BUILT_IN, ...own])}; define your own: "resource_bindings": {"${binding}": {"units": 1}}`,
    });
  }
}
