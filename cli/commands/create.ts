import { Option, type Command } from 'commander';
import { connectorDirs } from '../../connectors/registry/connector-dirs.ts';
import { loadConfig } from '../../platform/config/load-config.ts';
import { projectRoot } from '../../platform/project-root.ts';
import { usageError } from '../cli-error.ts';
import { KINDS, type ConnectorKind } from '../scaffold/kinds.ts';
import type { ScaffoldPlan } from '../scaffold/scaffold-plan.ts';
import { note, say, sayJson, type Terminal } from '../terminal.ts';
import { examples, globalOptions, type CommandContext } from './context.ts';

interface CreateOptions {
  kind?: ConnectorKind;
  fromOpenapi?: string;
  operation?: string;
  dryRun?: boolean;
}

/** What was written, or would be, and how it goes on. */
interface Created {
  plan: ScaffoldPlan;
  kind: string;
  next: string[];
}

export function addCreate(parent: Command, context: CommandContext): void {
  const create = parent.command('create').description('Make something new in this checkout');
  create
    .command('connector')
    .description(
      'Make a connector: code, mapping, variables, page and a test that passes; or a service file from OpenAPI',
    )
    .argument('<name>', 'what jobs will name as their service, e.g. my-service')
    .addOption(
      new Option('--kind <kind>', `how the service gives its results: ${kindTexts()} (default: "async")`).choices(
        Object.keys(KINDS),
      ),
    )
    .option('--from-openapi <file or url>', 'write config/rest/NAME.json from an OpenAPI 3 document, instead of code')
    .option('--operation <id>', 'which operation of that document: its operationId, or "POST /path"')
    .option('--dry-run', 'say what would be written, and write nothing')
    .addHelpText(
      'after',
      `${examples(
        ['switchyard create connector my-service', 'a service that is asked how a job is'],
        ['switchyard create connector my-chat --kind stream', ''],
        ['switchyard create connector my-api --from-openapi openapi.yaml', 'lists the operations that fit'],
        ['switchyard create connector my-api --from-openapi openapi.yaml --operation createThing', ''],
      )}

Nothing is ever overwritten. docs/writing-connectors.md goes on from here.`,
    )
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const { terminal } = context;
      const { json = false } = globalOptions(command);
      const root = projectRoot();
      const { config } = loadConfig(terminal.env, terminal.env['SWITCHYARD_HOME'] ?? root);
      const { namesOf } = await import('../scaffold/names.ts');
      const names = namesOf(name);
      const site = { root, configDir: config.configDir, dirs: connectorDirs(config.connectorDirs) };
      const { checkTaken } = await import('../scaffold/check-taken.ts');
      await checkTaken(site.dirs, site.configDir, names);
      const created = options.fromOpenapi
        ? await fromOpenApi(terminal, site, name, options, json)
        : await fromTemplates(site, name, options);
      if (!created) return;
      if (!options.dryRun) {
        const { formatFiles, writePlan } = await import('../scaffold/write-plan.ts');
        writePlan(root, created.plan.files);
        await formatFiles(root, created.plan.files);
      }
      tell(terminal, name, created, options.dryRun ?? false, json);
    });
}

interface Site {
  root: string;
  configDir: string;
  dirs: readonly string[];
}

async function fromTemplates({ root, configDir }: Site, name: string, options: CreateOptions): Promise<Created> {
  if (options.operation !== undefined) throw usageError('--operation belongs to --from-openapi');
  const { namesOf } = await import('../scaffold/names.ts');
  const { planConnector } = await import('../scaffold/scaffold-plan.ts');
  const { kind = 'async' } = options;
  const plan = planConnector(root, configDir, kind, namesOf(name));
  const next = [
    `npm test -- tests/connectors/${name}   (passes as it is: the contract of connectors, against a double)`,
    `make connectors/${name}/ and tests/doubles/${name}/ speak your service's protocol; docs/writing-connectors.md says how`,
    `cp .env.${name}.example .env.${name}.local   and fill it in`,
    `npm start, then: npx switchyard submit ${name} --set text=hello --watch`,
    `npx switchyard connector test ${name}   (the same contract against the real service)`,
  ];
  return { plan, kind, next };
}

/** A service file, or the list of operations there is to choose from. */
async function fromOpenApi(
  terminal: Terminal,
  { root, configDir }: Site,
  name: string,
  { fromOpenapi: source = '', operation, kind }: CreateOptions,
  json: boolean,
): Promise<Created | undefined> {
  if (kind !== undefined) throw usageError('--kind does not go with --from-openapi: the document says what it is');
  const { namesOf } = await import('../scaffold/names.ts');
  const { readDocument } = await import('../scaffold/openapi/read-document.ts');
  const { planServiceFile } = await import('../scaffold/openapi/plan-service-file.ts');
  const names = namesOf(name);
  const document = await readDocument(source, terminal.cwd);
  if (operation === undefined) {
    const { listOperations } = await import('../scaffold/openapi/service-file.ts');
    const { tellOperations } = await import('../scaffold/openapi/tell-operations.ts');
    tellOperations(terminal, listOperations(document, source, names), name, source, json);
    return undefined;
  }
  return planServiceFile({ root, configDir, document, source, operation, names });
}

function tell(terminal: Terminal, name: string, { plan, kind, next }: Created, dryRun: boolean, json: boolean): void {
  const files = plan.files.map(({ path, before }) => ({ path, action: before === undefined ? 'create' : 'change' }));
  const steps = [...plan.remarks, ...next];
  if (json) return sayJson(terminal, { service: name, kind, dry_run: dryRun, files, next: steps });
  const { style } = terminal;
  const verbs = dryRun ? { create: 'would create', change: 'would change' } : { create: 'created', change: 'changed' };
  for (const { path, action } of files) say(terminal, `${style.good(verbs[action as 'create'])}  ${path}`);
  if (dryRun) note(terminal, terminal.errorStyle.dim('Nothing was written.'));
  say(terminal, `\n${style.bold('Next')}`);
  for (const [index, step] of steps.entries()) say(terminal, `  ${index + 1}. ${step}`);
}

function kindTexts(): string {
  return Object.entries(KINDS)
    .map(([kind, text]) => `${kind} (${text})`)
    .join(', ');
}
