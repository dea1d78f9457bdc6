import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Pool } from '../../../platform/catalog/pools.schema.ts';
import { meant } from '../../../platform/config/nearest.ts';
import type { ScalingPolicy } from '../../../platform/scaling/policy.schema.ts';
import { CliError, usageError } from '../../cli-error.ts';
import { EXIT } from '../../exit-codes.ts';
import { count } from '../../output/format.ts';
import { note, say } from '../../terminal.ts';
import { examples, type CommandContext } from '../context.ts';
import { collectList } from '../option-values.ts';

interface Options {
  pool?: string[];
  temporalAddress?: string;
  namespace?: string;
  image?: string;
  out?: string;
}

type Scaled = Pool & { scaling: ScalingPolicy };

/** `switchyard generate keda` */
export function addKeda(generate: Command, context: CommandContext): void {
  generate
    .command('keda')
    .description('Kubernetes manifests by which KEDA scales the workers of pools, from their scaling in pools.json')
    .option('--pool <pools>', 'these; default: all whose scaling has the driver "kubernetes"', collectList)
    .option('--temporal-address <host:port>', 'Temporal as KEDA and the workers reach it (TEMPORAL_ADDRESS)')
    .option('--namespace <name>', 'namespace of Kubernetes to write into the manifests')
    .option('--image <image>', 'write the Deployments of the workers too, with this image')
    .option('--out <file>', 'write there instead of to standard output')
    .addHelpText(
      'after',
      `${examples(['switchyard generate keda --temporal-address temporal:7233 --image switchyard:1 | kubectl apply -f -', ''])}

The manifests hold no secrets. docs/scaling.md tells what KEDA can and cannot do.`,
    )
    .action(async (options: Options) => {
      const { terminal } = context;
      const [{ loadProcess }, { kedaManifests }] = await Promise.all([
        import('../../../workers/process/load-process.ts'),
        import('./keda-manifests.ts'),
      ]);
      const { catalog, config } = await loadProcess('generate', { ...terminal.env, SWITCHYARD_LOG_LEVEL: 'silent' });
      const temporalAddress = options.temporalAddress ?? config.temporalAddress;
      if (temporalAddress === undefined) {
        throw usageError('Nobody says where Temporal is', 'Give --temporal-address HOST:PORT, or set TEMPORAL_ADDRESS');
      }
      const pools = chosen(catalog.pools, options.pool);
      const text = kedaManifests(pools, {
        catalog,
        temporalAddress,
        temporalNamespace: config.temporalNamespace,
        apiKey: config.temporalApiKey !== undefined,
        kubernetesNamespace: options.namespace,
        image: options.image,
      });
      for (const [name, { scaling }] of pools) {
        if (scaling.budget_per_day === undefined) continue;
        note(
          terminal,
          terminal.errorStyle.warn(`${name}: KEDA knows no budget_per_day; max_workers is all that limits it`),
        );
      }
      if (options.out === undefined) return say(terminal, text.trimEnd());
      writeFileSync(resolve(terminal.cwd, options.out), text);
      note(terminal, `Written: ${options.out} (${count(pools.size, 'pool')})`);
    });
}

/** @throws CliError when there is none, or one of them is not there or does not scale */
function chosen(pools: ReadonlyMap<string, Pool>, names: readonly string[] | undefined): Map<string, Scaled> {
  const found = new Map<string, Scaled>();
  for (const name of names ?? []) {
    const pool = pools.get(name);
    if (!pool) {
      throw new CliError(EXIT.notFound, `There is no pool "${name}" in pools.json`, {
        hint: meant(name, [...pools.keys()]),
      });
    }
    if (!pool.scaling)
      throw usageError(`The pool "${name}" has no "scaling" in pools.json`, 'docs/scaling.md tells how');
    found.set(name, { ...pool, scaling: pool.scaling });
  }
  if (names === undefined) {
    for (const [name, { scaling, ...pool }] of pools) {
      if (scaling?.driver === 'kubernetes') found.set(name, { ...pool, scaling });
    }
  }
  if (found.size > 0) return found;
  throw usageError(
    'No pool has the driver "kubernetes"',
    'Set "scaling": {"driver": "kubernetes"} for a pool in pools.json, or name pools with --pool',
  );
}
