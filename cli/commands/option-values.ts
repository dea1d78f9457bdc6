import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../../contract/duration.ts';

/** A whole number within bounds. For commander: throws what it prints beside the option's name. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^-?\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Seconds from a number or a duration; at least 1. */
export function waitSeconds(text: string): number {
  const ms = parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  if (ms !== undefined && ms >= 1_000) return Math.round(ms / 1_000);
  throw new InvalidArgumentError('It must be a number of seconds, or text such as "90s" or "5m".');
}

/** An option that may be given again and again. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}

/** As {@link collect}; one value may hold several, set apart by commas. */
export function collectList(text: string, before: string[] = []): string[] {
  return [
    ...before,
    ...text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  ];
}
