import type { ApiClient } from './api-client/client.ts';
import type { Terminal } from './terminal.ts';

/** What a command that talks to the API works with. */
export interface Session {
  terminal: Terminal;
  api: ApiClient;
  /** Answer with JSON instead of text. */
  json: boolean;
}
