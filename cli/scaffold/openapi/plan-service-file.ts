import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { CliError, usageError } from '../../cli-error.ts';
import { EXIT } from '../../exit-codes.ts';
import type { ConnectorNames } from '../names.ts';
import type { ScaffoldPlan } from '../scaffold-plan.ts';
import type { OpenApiDocument } from './document.ts';
import { findOperation, serviceFile } from './service-file.ts';

export interface ServiceFileOptions {
  root: string;
  configDir: string;
  document: OpenApiDocument;
  source: string;
  operation: string;
  names: ConnectorNames;
}

/**
 * A service file for one operation, as a plan.
 * @throws CliError when it exists already, or the operation cannot be said in one
 */
export function planServiceFile(options: ServiceFileOptions): { plan: ScaffoldPlan; kind: string; next: string[] } {
  const { root, configDir, document, source, operation, names } = options;
  const file = join(configDir, 'rest', `${names.service}.json`);
  if (existsSync(file)) throw usageError(`there is ${file} already`, 'Nothing was written.');
  const found = findOperation(document, operation);
  const made = serviceFile(document, source, found, names);
  if (typeof made === 'string') {
    const hint = 'config/rest/*.example and docs/connectors/rest.md show what a service file can say.';
    throw new CliError(EXIT.error, `${found.id} cannot be made into a service file: ${made}`, { hint });
  }
  const inRoot = relative(root, file);
  const path = inRoot.startsWith('..') ? file : inRoot;
  const kind = String(made.document['kind']);
  // For editors, where the configuration brings the schema along.
  const schema = existsSync(join(configDir, 'schema', 'rest-service.json'))
    ? { $schema: '../schema/rest-service.json' }
    : {};
  const text = JSON.stringify({ ...schema, ...made.document }, undefined, 2);
  return {
    plan: { files: [{ path, content: `${text}\n` }], remarks: made.remarks },
    kind,
    next: [
      `look through ${path}; docs/connectors/rest.md explains every field`,
      ...(made.variables.length > 0
        ? [`give the workers ${made.variables.join(', ')}, for example in .env.rest.local`]
        : []),
      `npx switchyard connector test ${names.service}   (submits nothing that may cost money without --yes)`,
      `npm start, then: npx switchyard services ${names.service}`,
    ],
  };
}
