export interface ConfigProblem {
  /** Variable, key or file. */
  name: string;
  problem: string;
  hint?: string;
}

/** Everything wrong with the configuration, at once. `message` is fit to print. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: ConfigProblem[];
  constructor(title: string, problems: ConfigProblem[]) {
    super(
      [`${title}:`, ...problems.map((p) => `  ${p.name}: ${p.problem}${p.hint ? `\n      ${p.hint}` : ''}`)].join('\n'),
    );
    this.problems = problems;
  }
}
