import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ConnectorError } from '../contract/connector-error.ts';
import { nodeOf, templateSchema, type Template } from './payload.schema.ts';

/** Templates in a folder: `<name>.json`, also in folders below. Read again when a file changes. */
export class TemplateStore {
  readonly #dir: string;
  readonly #read = new Map<string, { mtimeMs: number; template: Template }>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Names of what is there; empty when there is no such folder. */
  async names(): Promise<string[]> {
    const entries = await readdir(this.#dir, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
      .map((entry) =>
        relative(this.#dir, join(entry.parentPath, entry.name)).replaceAll('\\', '/').slice(0, -'.json'.length),
      )
      .toSorted();
  }

  /**
   * @param name checked against path tricks by the payload's schema
   * @throws ConnectorError `not_found` with the names that are there, `validation` for a broken file
   */
  async load(name: string): Promise<Template> {
    const file = join(this.#dir, `${name}.json`);
    const info = await stat(file).catch(() => undefined);
    if (!info?.isFile()) {
      const names = await this.names();
      throw new ConnectorError('not_found', `There is no template "${name}" in ${this.#dir}`, {
        errors: [
          {
            pointer: '/payload/template',
            detail: 'names no template',
            hint: names.length > 0 ? `there are: ${names.join(', ')}` : `put ${name}.json into ${this.#dir}`,
          },
        ],
      });
    }
    const known = this.#read.get(name);
    if (known?.mtimeMs === info.mtimeMs) return known.template;
    const template = parse(await readFile(file, 'utf8'), file);
    this.#read.set(name, { mtimeMs: info.mtimeMs, template });
    return template;
  }
}

function parse(text: string, file: string): Template {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConnectorError('validation', `${file} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const parsed = templateSchema.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the file'} ${issue.message}`);
    throw new ConnectorError('validation', `${file} is no valid template: ${problems.join('; ')}`);
  }
  const { params, workflow } = parsed.data;
  const lost = Object.entries(params).flatMap(([name, { to }]) =>
    to
      .filter((target) => !Object.hasOwn(workflow, nodeOf(target)))
      .map((target) => `params.${name}.to names "${target}"`),
  );
  if (lost.length > 0) {
    throw new ConnectorError(
      'validation',
      `${file} is no valid template: ${lost.join('; ')}, which the workflow does not have`,
    );
  }
  return parsed.data;
}
