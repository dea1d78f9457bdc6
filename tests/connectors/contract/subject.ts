import type { ConnectorClass, ConnectorInterface } from '../../../connectors/contract/connector.ts';
import type { ServiceManifest } from '../../../contract/service-manifest.ts';
import type { BackendDouble } from './double.ts';

/** `true`, or the reason why the check makes no sense here; the reason stands in the test's name. */
export type Support = true | string;

/** What a connector's protocol allows. */
export interface Supports {
  /** Tells at least one value between 0 and 100. */
  progress: Support;
  /** Cancelled while submitting: the backend does not work on it. */
  cancelWhileSubmitting: Support;
  /** Cancelled while running: the backend stops. */
  cancelWhileRunning: Support;
  /** Cancelled while the result is fetched: nothing goes on. */
  cancelWhileFinishing: Support;
  /** The next attempt finds the backend's job again. */
  reattach: Support;
  /** Finds its job again even if the answer to the submission was lost. */
  lostAnswer: Support;
  /** Needs no open connection while the backend works, or opens it again. */
  drop: Support;
  /** Has outputs of any size. */
  hugeOutput: Support;
  /** A real worker process can run it, from dist/ and the environment: for kill -9. */
  crash: Support;
}

/** A connector under the contract. */
export interface ContractSubject {
  /** As discovery finds it: made from nothing but the environment. */
  connectorClass: () => Promise<ConnectorClass>;
  /** Class name in the mapping. */
  className: string;
  manifest: () => Promise<ServiceManifest>;
  /**
   * Variables of a worker for this backend. Either short limits, so that silence ends within about a second (the checks of
   * time-outs wait for them), or longer ones and `impatient`: on a busy machine a held request must not time out.
   */
  env(url: string): Record<string, string> | Promise<Record<string, string>>;
  /** Makes the limits of a connector short for a while. @returns takes that back */
  impatient?(connector: ConnectorInterface): Promise<() => Promise<void>>;
  /** What the mapping lists under `required_env`; must lack a value or default in an empty environment. */
  requiredEnv: readonly string[];
  double(): Promise<BackendDouble>;
  /** Payload of a job that the double knows again by the marker: `[a-z0-9-]+`, to be put into a text the backend gets. */
  job(marker: string): Record<string, unknown>;
  supports: Supports;
  /** One job at a time goes to the backend; the others wait in the worker, and come to no stage. */
  oneAtATime?: boolean;
  /** Payloads that must be refused before anything is sent, with the pointer the refusal names. */
  badPayloads?: readonly { payload: Record<string, unknown>; pointer: string }[];
  /** Files besides `service-mapping.json` and `pools.json` that a worker process finds in its configuration folder. */
  configFiles?: Readonly<Record<string, string>>;
}
