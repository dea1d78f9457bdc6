import { usageError } from '../cli-error.ts';

/**
 * The value of `--set path=value`: JSON where it reads as JSON (`4`, `true`, `null`, `"4"`, `[1,2]`, `{"a":1}`), text
 * otherwise. So a text that looks like a number is written in quotes: `--set 'code="007"'`.
 * @throws CliError for a whole number that JSON cannot carry exactly
 */
export function parseScalar(text: string, where: string): unknown {
  const value = readJson(text);
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(text)) {
    throw usageError(
      `${where}: ${text} is larger than JSON numbers can hold exactly`,
      `Write it as text if that is meant: ${where}='"${text}"'`,
    );
  }
  return value;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
