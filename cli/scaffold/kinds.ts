/** How a service gives its results, and so what the scaffold begins with. */
export const KINDS = {
  sync: 'a request is answered with the result',
  async: 'the service takes a job and is asked how it is',
  stream: 'the answer comes as server-sent events',
  websocket: 'the service is spoken with over a WebSocket',
} as const;

export type ConnectorKind = keyof typeof KINDS;
