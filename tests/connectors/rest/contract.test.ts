import { RestAsyncConnector, RestStreamConnector, RestSyncConnector } from '../../../connectors/rest/connector.ts';
import { manifestsOf } from '../../../connectors/rest/payload.schema.ts';
import { REST_DOUBLE_KEY, startRestDouble } from '../../doubles/rest/rest-double.ts';
import type { ContractSubject, Supports } from '../contract/subject.ts';
import { connectorContract } from '../contract/suite.ts';
import { asyncService, socketService, sseService, syncService } from './services.ts';

function subject(
  connectorClass: typeof RestSyncConnector | typeof RestAsyncConnector | typeof RestStreamConnector,
  service: { service: string },
  supports: Partial<Supports>,
): ContractSubject {
  return {
    connectorClass: async () => connectorClass,
    className: connectorClass.name,
    manifest: async () => manifestsOf(service)[0]!,
    env: (url) => ({ REST_DOUBLE_URL: url, REST_DOUBLE_KEY }),
    requiredEnv: ['REST_DOUBLE_URL', 'REST_DOUBLE_KEY'],
    configFiles: { [`rest/${service.service}.json`]: JSON.stringify(service) },
    double: startRestDouble,
    impatient: async (connector) => {
      await connector.updateConfiguration({ timeout: 700 });
      return () => connector.updateConfiguration({ timeout: undefined });
    },
    job: (marker) => ({ text: marker }),
    badPayloads: [
      { payload: {}, pointer: '/payload/text' },
      { payload: { text: 'x', colour: 'red' }, pointer: '/payload/colour' },
    ],
    supports: {
      progress: true,
      cancelWhileSubmitting: true,
      cancelWhileRunning: true,
      cancelWhileFinishing: true,
      reattach: true,
      lostAnswer: true,
      drop: true,
      hugeOutput: true,
      crash: true,
      ...supports,
    },
  };
}

const noId = 'the request itself is the job: there is no id to come back to';
const lost = 'what a broken stream has not brought is lost: the job is tried again';

connectorContract(
  'REST, synchronous',
  subject(RestSyncConnector, syncService, { reattach: noId, crash: noId, drop: noId }),
);
connectorContract('REST, asynchronous', subject(RestAsyncConnector, asyncService, {}));
connectorContract(
  'REST, server-sent events',
  subject(RestStreamConnector, sseService, { reattach: noId, crash: noId, drop: lost, lostAnswer: lost }),
);
connectorContract(
  'REST, WebSocket',
  subject(RestStreamConnector, socketService, { reattach: noId, crash: noId, drop: lost, lostAnswer: lost }),
);
