import type { InstanceConfig } from '../../../contract/instance.schema.ts';
import { isSensitiveName } from '../../../platform/logging/redact.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import { readDocument } from './instances-file.ts';
import { isSingleInstance, migrateSingleInstance, type Migration } from './migrate.ts';
import { CONFIG_VERSION } from './versions.ts';

/** Stands for a secret that is not shown. Given back with a change or an import it means: the one that is there. */
const HIDDEN = '[hidden]';

/** A configuration that may be shown: its key and the variables that look like secrets are hidden. */
export function withoutSecrets(config: InstanceConfig): InstanceConfig {
  const { apiKey, envVars } = config;
  const shown = Object.entries(envVars ?? {}).map(([name, value]) => [name, isSecret(name) ? HIDDEN : value]);
  return {
    ...config,
    ...(envVars ? { envVars: Object.fromEntries(shown) as Record<string, string> } : {}),
    ...(apiKey ? { apiKey: HIDDEN } : {}),
  };
}

/**
 * Puts secrets of the former configuration where {@link HIDDEN} stands for them; where there is none, the field is left
 * out.
 */
export function withSecretsOf(former: InstanceConfig | undefined, config: InstanceConfig): InstanceConfig {
  const filled: InstanceConfig = { ...config };
  if (config.apiKey === HIDDEN) {
    if (former?.apiKey) filled.apiKey = former.apiKey;
    else delete filled.apiKey;
  }
  if (config.envVars) {
    const pairs = Object.entries(config.envVars).flatMap(([name, value]) => {
      if (value !== HIDDEN) return [[name, value] as const];
      const secret = former?.envVars?.[name];
      return secret === undefined ? [] : [[name, secret] as const];
    });
    filled.envVars = Object.fromEntries(pairs);
  }
  return filled;
}

export interface ExportOptions {
  /** Keys and secret variables in the clear. Default: left out. */
  secrets?: boolean;
}

/** The document that {@link readImport} takes, as text. */
export function exportText(
  instances: readonly InstanceConfig[],
  activeInstanceId: string | null,
  options: ExportOptions = {},
): string {
  const document = {
    version: CONFIG_VERSION,
    instances: instances.map((config) => (options.secrets ? config : withoutSecrets(config))),
    activeInstanceId,
    lastSaved: new Date().toISOString(),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

export interface ImportedInstances {
  instances: InstanceConfig[];
  activeInstanceId: string | null;
  migration?: Migration['result'];
}

/**
 * Reads an export, or the configuration of a single instance.
 * @throws ConnectorError `validation` with everything that is wrong, `conflict` for a newer version
 */
export function readImport(data: string): ImportedInstances {
  let document: unknown;
  try {
    document = JSON.parse(data);
  } catch (error) {
    throw new ConnectorError('validation', `The import is no JSON: ${(error as Error).message}`);
  }
  if (isSingleInstance(document)) {
    const { result, instances } = migrateSingleInstance(document);
    if (!result.migrated)
      throw new ConnectorError('validation', `The import cannot be used: ${result.errors.join('; ')}`);
    return { instances, activeInstanceId: null, migration: result };
  }
  const read = readDocument(document, 'The import');
  if (!read)
    throw new ConnectorError(
      'validation',
      'The import is no export of instances: it needs {"version": "1.0", "instances": […]}, or the address of a single instance',
    );
  if (read.problems.length > 0)
    throw new ConnectorError('validation', `The import cannot be used: ${read.problems.join('; ')}`);
  return read;
}

function isSecret(name: string): boolean {
  return isSensitiveName(name) || /token|key|secret|passw/i.test(name);
}
