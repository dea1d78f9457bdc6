import { ConfigError } from '../../config/config-error.ts';

/** The deployment of orchestrators unless another is named. Workers of pools and machines belong to none. */
export const ORCHESTRATOR_DEPLOYMENT = 'switchyard-orchestrator';

/** One build of a deployment. */
export interface DeploymentVersion {
  deployment: string;
  build: string;
}

const DEPLOYMENT = /^[A-Za-z0-9][\w-]{0,99}$/;
const BUILD = /^[A-Za-z0-9][\w.+-]{0,99}$/;

/**
 * Checks what a person typed.
 * @param deployment default: {@link ORCHESTRATOR_DEPLOYMENT}
 * @throws ConfigError naming every part that is no good: server and queries take other letters as separators
 */
export function deploymentVersion(build: string, deployment = ORCHESTRATOR_DEPLOYMENT): DeploymentVersion {
  const problems = [];
  if (!BUILD.test(build)) {
    problems.push({
      name: '--build-id',
      problem: `"${build}" is no build id`,
      hint: 'use 1-100 letters, digits, ".", "_", "+" or "-", e.g. a version or a commit: 1.4.0, 3f2c9aa',
    });
  }
  if (!DEPLOYMENT.test(deployment)) {
    problems.push({
      name: '--deployment',
      problem: `"${deployment}" is no name of a deployment`,
      hint: `use 1-100 letters, digits, "_" or "-"; without it: ${ORCHESTRATOR_DEPLOYMENT}`,
    });
  }
  if (problems.length > 0) throw new ConfigError('No such build can be', problems);
  return { deployment, build };
}

/** As the server writes it in its search attribute `TemporalWorkerDeploymentVersion`. */
export function versionText({ deployment, build }: DeploymentVersion): string {
  return `${deployment}:${build}`;
}
