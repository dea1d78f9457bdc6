import type { ServiceView } from '../api-client/answers.ts';

/** A command that submits the service's own example, as a person would type it. */
export function exampleCommand({ name, example, inputs }: ServiceView): string {
  const words = ['switchyard', 'submit', name];
  for (const { field } of inputs) {
    const value = example[field];
    if (typeof value === 'string') words.push('-i', quoted(`${field}=${localFile(value) ?? value}`));
  }
  for (const [field, value] of Object.entries(example)) {
    if (inputs.some((input) => input.field === field)) continue;
    const text = typeof value === 'string' && !readsAsJson(value) ? value : JSON.stringify(value);
    words.push('--set', quoted(`${field}=${text}`));
  }
  return [...words, '--watch'].join(' ');
}

/** A file of this machine goes up with the job. */
function localFile(reference: string): string | undefined {
  return reference.startsWith('file:') ? `@${reference.slice('file:'.length).replace(/^\/\/(?=\/)/, '')}` : undefined;
}

function readsAsJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** For a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
