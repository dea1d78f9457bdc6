import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectorKind } from './kinds.ts';
import type { ConnectorNames } from './names.ts';

/** A line `//== name`: in a template the place of a section, in the part of a kind its beginning. */
const SECTION = /^[ \t]*\/\/== (\w+)\n?/m;
const INCLUDE = /^\/\/<< (\S+)\n/gm;

/** The templates of a checkout; they lie beside this file's source. */
export class Templates {
  readonly #folder: string;
  readonly #kind: ConnectorKind;
  readonly #names: ConnectorNames;

  constructor(root: string, kind: ConnectorKind, names: ConnectorNames) {
    this.#folder = join(root, 'cli', 'scaffold', 'templates');
    this.#kind = kind;
    this.#names = names;
  }

  /**
   * A file for a new connector.
   * @param name of the template, without `.txt`
   * @param part beginning of the name of the file that holds the sections of each kind; without it there are none
   */
  fill(name: string, part?: string): string {
    const sections = part
      ? sectionsOf(this.#read(`${part}-${this.#kind}${name.slice(name.lastIndexOf('.'))}`))
      : undefined;
    const pieces = this.#read(name).split(new RegExp(SECTION.source, 'gm'));
    // Split by an expression with a group: text, name, text, name, …
    const text = pieces.map((piece, index) => (index % 2 === 0 ? piece : (sections?.get(piece) ?? ''))).join('');
    return this.#named(text);
  }

  #read(name: string): string {
    const text = readFileSync(join(this.#folder, `${name}.txt`), 'utf8');
    return text.replaceAll(INCLUDE, (_, file: string) => readFileSync(join(this.#folder, file), 'utf8'));
  }

  #named(text: string): string {
    const { service, stem, variables, title } = this.#names;
    const named = text
      .replaceAll('__STATUS_QUERY__', String(this.#kind === 'async'))
      .replaceAll('MyService', stem)
      .replaceAll('MY_SERVICE', variables)
      .replaceAll('My service', title)
      .replaceAll('my-service', service);
    return `${named.replaceAll(/\n{3,}/g, '\n\n').trimEnd()}\n`;
  }
}

function sectionsOf(text: string): Map<string, string> {
  const [, ...pieces] = text.split(new RegExp(SECTION.source, 'gm'));
  const sections = new Map<string, string>();
  for (let index = 0; index < pieces.length; index += 2) sections.set(pieces[index]!, pieces[index + 1]!);
  return sections;
}
