/** What a normalized field may hold: one line of text, a number, a yes or no, or numbers by name. */
export type LogFieldKind = 'text' | 'number' | 'flag' | 'counts';

/** Names and kinds of a service's normalized log fields, in `snake_case`. */
export type LogFieldSet = Readonly<Record<string, LogFieldKind>>;

/** Values for normalized fields; what the service's set does not have, or has as another kind, is left out of the log. */
export type LogFields = Readonly<Record<string, unknown>>;
