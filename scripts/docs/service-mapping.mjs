import { fields } from './fields.mjs';
import { GENERATED } from './markdown.mjs';

/**
 * docs/service-mapping.md.
 * @param {{mapping: object, connector: object, worker: object, service: object, binding: object}} schemas JSON schemas
 *   (input side) of service-mapping.json and its parts
 */
export function renderServiceMapping(schemas) {
  return `${GENERATED}

# Service mapping

\`service-mapping.json\` in the configuration folder (\`config/\`, or \`SWITCHYARD_CONFIG_DIR\`) says which **workers** can be run,
which **capabilities** each of them serves (what a job names as its \`service\`) and which **connector** class does the work.
\`WORKERS\` chooses from it what a machine runs, \`CONNECTORS\` which connector families load at all.

\`\`\`json
{
  "$schema": "./schema/service-mapping.json",
  "connectors": {
    "ComfyUIRemoteConnector": {},
    "A1111RemoteConnector": { "description": "Automatic1111 on another machine" }
  },
  "workers": {
    "ai-remote": {
      "service": [
        { "capability": "comfyui", "connector": "ComfyUIRemoteConnector", "type": "external" },
        { "capability": ["a1111", "automatic"], "connector": "A1111RemoteConnector", "type": "external" }
      ],
      "pools": ["standard", "heavy"],
      "required_env": ["COMFYUI_URL", "A1111_URL"],
      "description": "Both picture services"
    }
  }
}
\`\`\`

An editor that knows JSON Schema completes and checks the file by its \`$schema\`: \`config/schema/\` has one for
\`service-mapping.json\`, for \`pools.json\` and for the files of [REST services](connectors/rest.md).

## Keys

${fields(schemas.mapping, 'key of the file')}

### \`workers.<name>\`

${fields(schemas.worker, 'key of a worker')}

### \`workers.<name>.service[]\`

${fields(schemas.service, 'key of an entry')}

### \`connectors.<class name>\`

${fields(schemas.connector, 'key of a connector')}

### \`resource_bindings.<name>\`

${fields(schemas.binding, 'key of a binding')}

Every value may hold \`\${VAR}\` or \`\${VAR:-default}\`, filled in from the environment and the \`.env\` files below; an unset or
empty variable without a default becomes empty text. Numbers may be written so too: \`"\${UPSCALE_MAX_CONCURRENT:-1}"\`.

## Rules

The whole file is checked at the start of every process. Everything that is wrong is named at once, with its key and the way
out; nothing is half configured. \`switchyard doctor\` says the same without starting anything.

- A queue is \`<pool>.<capability>\`. **Several names** of one capability are aliases: each is a service of its own to those
  who submit, and a queue of its own.
- A **connector** must be under \`connectors\` and must be found: in \`connectors/\` or a folder of \`SWITCHYARD_CONNECTOR_DIRS\`.
- One **queue twice by the same connector** is an error: which one's limits would hold? More of the same is \`WORKERS=name:2\`.
- One capability by **different connectors** of one family (\`comfyui\` by a local and a remote one) is fine: \`WORKERS\` says
  which of them a machine runs; without \`WORKERS\` the first whose variables are set does. A job runs on whichever worker
  takes it, unless its \`requirements.connector\` names one.
- One capability for **different kinds of job** is an error, as is a name that is another connector's service.
- \`api_config\` reaches the connector as its configuration and wins over its variables. Two workers that differ in it get a
  connector each.

## Resource bindings

| binding | an instance needs | \`name:auto\` runs |
| --- | --- | --- |
| \`shared\` | nothing: the work is elsewhere, any number can run | 1 |
| \`cpu\` | the machine's CPU, shared with whatever else runs | 1 |
| \`gpu\` | a GPU, or its share of one (\`service_instances_per_gpu\`) | all GPUs left × instances per GPU |
| \`mock_gpu\` | a pretended GPU (\`SWITCHYARD_MOCK_GPUS\`), for tests: the work is done on the CPU | all pretended ones left × instances per GPU |
| one of your own | a unit of it, or its share of one | all units left × instances per unit |

GPUs and units are **exclusive**: one is given to instances of one worker only, and asking for more than there are is an error
that says so. Numbers are served first, several \`auto\` divide the rest. Pretended GPUs serve \`gpu\` too.

**A binding of your own** is a named number of things a machine has: licences, TPUs, capture cards. Define it, bind workers to
it, and, where machines differ, say on each how many it has (\`SWITCHYARD_RESOURCES=licence:2\`):

\`\`\`json
{
  "resource_bindings": { "licence": { "units": 1, "device_env": "RENDER_SEAT" } },
  "workers": { "renderer": { "resource_binding": "licence", "service": [] } }
}
\`\`\`

## WORKERS: what a machine runs

\`\`\`sh
WORKERS="comfyui-remote:2,openai-api:4" npm start
WORKERS="openai-api" npx switchyard worker --pool fast-lane
npx switchyard worker --workers "comfyui-remote,upscale:2"
\`\`\`

\`name\` is one instance, \`name:2\` two, \`name:auto\` as many as the table above says.

- \`npm start\` runs **a process for each instance** instead of one per pool; it serves the worker's capabilities in all its
  pools. Variables that are missing are named before anything starts.
- \`switchyard worker\` is one process: it takes the work of all instances it is told of, so that \`upscale:2\` does twice the
  jobs at a time. \`--pool\` keeps it to one pool. Instances that need a device or port of their own need a process each.
- A service that no machine has in its \`WORKERS\` stays known: its jobs wait, and say that no worker is there.

Each process of an instance gets \`WORKER_ID\` (\`openai-api-2\`), \`SWITCHYARD_INSTANCE\` (from 0), \`SWITCHYARD_SERVICE_PORTS\` when
the entry has \`ports\` (each moved by \`port_increment\` per instance), the variables that bind it to its GPU, and \`device_env\`
of a binding of your own. The limit \`max_concurrent_jobs\` holds per instance and queue.

## CONNECTORS: which families load

\`CONNECTORS=simulation,comfyui\` loads these families and no other; empty loads all. A family is a folder of \`connectors/\`
(\`comfyui\`, \`openai\`) or a single file without \`-connector\` (\`my-service\`). The services of the others are off here: they are
not listed, a job for one is refused with the reason, and \`switchyard services\` and \`switchyard doctor\` name them. Workers of the
mapping that need a family that is off are passed over, unless \`WORKERS\` names them.

## Variables and \`.env\` files

What a process does not find in its environment it looks for in files of the project's folder (\`SWITCHYARD_HOME\`, or
\`SWITCHYARD_ENV_DIR\` for another; that one only from the environment). The first of these wins:

1. the environment; a variable that is there and empty counts, and switches a file's value off
2. \`.env.<family>.local\`
3. \`.env.<family>\`
4. \`.env.local\`
5. \`.env\`

\`.env\` and \`.env.local\` are read by everything, the command line too, and may hold settings such as \`SWITCHYARD_PORT\` and
\`WORKERS\`. The files of a family are read for every family that is on: by workers, where the connectors find them, and by
the other processes for the \`\${VAR}\` of the mapping. Two families that want different values for one variable are an error,
since a process has one environment. Git ignores all of them; \`.env.<family>.example\` is not ignored.

\`\`\`sh
# .env.openai.local
OPENAI_API_KEY="sk-…"
\`\`\`

Values are never printed, in no message and no list; \`switchyard doctor\` names the files it read and those that belong to
no family. A line without \`=\` is an error that names its number and nothing else.

A worker that lacks variables names all of them, for all its services, in one message with the file to put them in. What was
asked for by name (\`WORKERS\`, \`--workers\`, \`--capabilities\`) must be complete; otherwise services that lack something are left
out with a remark.

## In the program

\`planWorkers(catalog, selection, facts)\` of \`platform/machine/plan-workers.ts\` is all of the above as a pure function: the
processes with their queues, instance numbers, devices and ports.
`;
}
