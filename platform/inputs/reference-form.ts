import { parseArtifactUri } from '../artifacts/artifact-uri.ts';

/** What is wrong with a reference, and the way out. */
export interface ReferenceMistake {
  detail: string;
  hint: string;
}

const FORMS = 'give artifact:…, data:…;base64,…, file:… or https:…';

/** Kind, then parameters such as a character set, then the word that must be there. */
export const DATA_URL_HEAD = /^data:([\w.+/-]*)((?:;[\w.+=-]+)*);base64,/i;

/** Scheme of a media reference in lower case; undefined when it has none. */
export function schemeOf(reference: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):/i.exec(reference)?.[1]?.toLowerCase();
}

export const NO_DATA_URL: ReferenceMistake = {
  detail: 'is no base64 data URL',
  hint: 'write data:image/png;base64,… or upload the file',
};

export const NO_FILE_REFERENCE: ReferenceMistake = {
  detail: 'is no usable file reference',
  hint: 'write file:examples/picture.png or file:///folder/picture.png',
};

/**
 * What can be seen of a media reference without opening it: one that cannot lead anywhere is refused when the job is handed
 * in, and not by its worker.
 * @returns undefined when it may lead to a file
 */
export function mistakeOfReference(reference: string): ReferenceMistake | undefined {
  switch (schemeOf(reference)) {
    case 'artifact':
      if (parseArtifactUri(reference)) return undefined;
      return { detail: 'is no reference of the artifact store', hint: 'take the uri that the upload or the job gave' };
    case 'data':
      return DATA_URL_HEAD.test(reference) ? undefined : NO_DATA_URL;
    case 'file':
      return reference.length > 'file:'.length && !reference.includes('\0') ? undefined : NO_FILE_REFERENCE;
    case 'http':
    case 'https':
      if (URL.canParse(reference)) return undefined;
      return { detail: 'is no URL', hint: 'write https://host/path' };
    default:
      return { detail: 'is no media reference of a known kind', hint: FORMS };
  }
}
