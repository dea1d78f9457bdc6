/** What the author of a connector needs; everything else in this folder is internal. */
export { BaseConnector } from './base/base-connector.ts';
export { ConnectorLogger } from './base/logging/connector-logger.ts';
export { expandEnv } from './base/env-template.ts';
export { logger, setConnectorLogger } from './base/process-logger.ts';
export { ConnectorError } from './contract/connector-error.ts';
export { goesOnElsewhere } from './contract/stop-cause.ts';
export type { ConnectorHealth, HealthSource } from './contract/connector-health.ts';
export type {
  ConnectorConfig,
  ConnectorInterface,
  ConnectorStatus,
  HealthCheckCapabilities,
  JobData,
  JobResult,
  ProgressCallback,
  ProgressUpdate,
  ServiceInfo,
  ServiceJobStatus,
} from './contract/connector.ts';
export type { InputFile, JobContext, OutputOptions } from './contract/job-context.ts';
export type { JobLogFacts } from './contract/job-log.ts';
export type { LogFields, LogFieldSet } from './contract/log-fields.ts';
export type {
  AttemptEnd,
  ConnectorPlugin,
  HealthCheckResult,
  OptionsSchema,
  PluginClass,
  PluginEnvironment,
  PluginJobContext,
} from './contract/plugin.ts';
export type { LiveSink } from './contract/live-sink.ts';
export type { ServiceManifest } from '../contract/service-manifest.ts';
