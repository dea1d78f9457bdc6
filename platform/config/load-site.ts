import { projectRoot } from '../project-root.ts';
import { type EnvFiles, envFolder, readEnvFiles } from './env-files.ts';
import { loadConfig, type LoadedConfig } from './load-config.ts';

/** The configuration of this site and where its environment comes from. */
export interface LoadedSite extends LoadedConfig {
  /** With `.env` and `.env.local`; the files of connector families come on top of it in workers. */
  envFiles: EnvFiles;
}

/**
 * Settings of the project, or of the folder that SWITCHYARD_HOME names, with the variables of its `.env` files.
 * @param env stays as it is
 * @throws ConfigError naming everything that is wrong at once
 */
export function loadSite(env: NodeJS.ProcessEnv): LoadedSite {
  const home = env['SWITCHYARD_HOME'] ?? projectRoot();
  const envFiles = readEnvFiles(envFolder(env, home), env);
  return { ...loadConfig(envFiles.env, home), envFiles };
}
