import { usageError } from '../cli-error.ts';

/** What a connector is called in the different places. */
export interface ConnectorNames {
  /** `my-service`: the capability, the folder, the files. */
  service: string;
  /** `MyService`, of which the class is `MyServiceConnector`. */
  stem: string;
  /** `MY_SERVICE`: how its variables begin. */
  variables: string;
  /** `My service`: for people. */
  title: string;
}

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const LONGEST = 40;
/** Folders of connectors/ that hold no family, and words whose variables mean something already. */
const RESERVED =
  /^(?:contract|base|http|registry|plugins|node-modules|index|(?:switchyard|temporal|node|npm)(?:-.*)?)$/;

/**
 * All spellings of a name.
 * @throws CliError (usage) for a name that is malformed or reserved, with one that would do
 */
export function namesOf(name: string): ConnectorNames {
  const instead = suggestion(name);
  const hint = NAME.test(instead) && instead !== name ? `${instead} would do.` : 'For example: my-service';
  if (!NAME.test(name)) {
    throw usageError(
      `"${name}" is no name for a connector: write lower-case letters and digits, words set apart by "-", a letter first`,
      hint,
    );
  }
  if (name.length > LONGEST) throw usageError(`"${name}" is too long: ${LONGEST} characters are the most`);
  if (name.endsWith('-connector')) {
    throw usageError(`"${name}": leave "-connector" away; the class gets it by itself`, hint);
  }
  if (RESERVED.test(name)) throw usageError(`"${name}" is taken by Switchyard itself`, 'Choose another name.');
  const words = name.split('-');
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  return {
    service: name,
    stem: words.map(capital).join(''),
    variables: words.join('_').toUpperCase(),
    title: capital(words.join(' ')),
  };
}

function suggestion(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '')
    .replace(/-connector$/, '')
    .slice(0, LONGEST);
}
