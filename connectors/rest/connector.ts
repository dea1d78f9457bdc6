/** What discovery loads: a class for each kind of service. */
export { RestAsyncConnector } from './async-connector.ts';
export { RestStreamConnector } from './stream-connector.ts';
export { RestSyncConnector } from './sync-connector.ts';
