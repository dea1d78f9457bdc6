import { z } from 'zod';
import type { ServiceManifest } from '../../contract/service-manifest.ts';
import type { SwitchedOff } from '../../platform/catalog/join-catalog.ts';
import { manifestsOf } from './check-manifest.ts';
import { configuredManifests } from './configured-services.ts';
import { findSources, type ConnectorSource, type DiscoveryProblem } from './find-sources.ts';
import { importModule } from './import-module.ts';
import { readClassText } from './read-class-text.ts';

/** A manifest and where its connectors are. */
export interface FoundManifest {
  manifest: ServiceManifest;
  source: ConnectorSource;
  /** The file that describes the service. */
  file: string;
}

/**
 * Finds what services there are without running their connectors. (One exception is the author's own choice: a single
 * file that exports `manifests` beside its class is run for them; `x-connector.manifest.ts` avoids that.)
 * @param configDir where families look for services that files describe; without it those are left out
 */
export async function loadManifests(
  dirs: readonly string[],
  configDir?: string,
): Promise<{ manifests: ServiceManifest[]; problems: DiscoveryProblem[] }> {
  const { found, problems } = await findManifests(dirs, configDir);
  return { manifests: found.map(({ manifest }) => manifest), problems };
}

/** {@link findManifests}'s answer. */
export interface FoundManifests {
  found: FoundManifest[];
  /** Where the connectors that are on come from. */
  sources: ConnectorSource[];
  problems: DiscoveryProblem[];
  /** Names of all sources, those switched off too. */
  families: string[];
  /** What would be there if it were not switched off. */
  off: SwitchedOff;
}

/**
 * {@link loadManifests} with the places the connectors come from.
 * @param only names of the sources that are on; the others are described and not loaded. Default: all are on
 */
export async function findManifests(
  dirs: readonly string[],
  configDir?: string,
  only?: readonly string[],
): Promise<FoundManifests> {
  const { sources, problems } = await findSources(dirs);
  const byService = new Map<string, FoundManifest>();
  const isOn = ({ name }: ConnectorSource) => only === undefined || only.includes(name);
  for (const source of sources.filter(isOn)) {
    for (const { manifest, file } of await manifestsFrom(source, problems, configDir)) {
      const other = byService.get(manifest.service);
      if (!other) byService.set(manifest.service, { manifest, source, file });
      else {
        problems.push({
          file,
          problem: `describes the service "${manifest.service}", which ${other.file} describes already`,
          hint: 'keep one of them, or rename the service',
        });
      }
    }
  }
  return {
    found: [...byService.values()],
    sources: sources.filter(isOn),
    problems,
    families: [...new Set(sources.map(({ name }) => name))],
    off: await describeOff(
      sources.filter((source) => !isOn(source)),
      configDir,
    ),
  };
}

/** Nothing of what is off may run or complain: a single file is read, not loaded. */
async function describeOff(sources: readonly ConnectorSource[], configDir: string | undefined): Promise<SwitchedOff> {
  const connectors = new Map<string, string>();
  const services = new Map<string, string>();
  for (const source of sources) {
    const described = source.manifestFile
      ? (await manifestsFrom(source, [], configDir)).map(({ manifest }) => manifest)
      : (await readClassText(source.connectorFile)).classes.map((one) => permissive(one.className, one.service));
    for (const manifest of described) {
      services.set(manifest.service, source.name);
      for (const className of manifest.connectors) connectors.set(className, source.name);
    }
  }
  return { connectors, services };
}

async function manifestsFrom(
  source: ConnectorSource,
  problems: DiscoveryProblem[],
  configDir: string | undefined,
): Promise<{ manifest: ServiceManifest; file: string }[]> {
  const { manifestFile, connectorFile } = source;
  const described = async (file: string) => {
    try {
      const exported = await importModule(file);
      const fixed = manifestsOf(exported['manifests'], (problem) => problems.push({ file, problem }));
      const configured = await configuredManifests(exported['configured'], configDir, problems);
      return [...fixed.map((manifest) => ({ manifest, file })), ...configured];
    } catch (error) {
      problems.push({ file, problem: (error as Error).message });
      return [];
    }
  };
  if (manifestFile) return described(manifestFile);
  const { classes, exportsManifests } = await readClassText(connectorFile);
  if (exportsManifests) return described(connectorFile);
  if (classes.length === 0) {
    problems.push({
      file: connectorFile,
      problem: 'exports no class whose name ends in Connector',
      hint: 'write `export class MyServiceConnector extends BaseConnector`',
    });
  }
  return classes.map(({ className, service }) => ({ manifest: permissive(className, service), file: connectorFile }));
}

/** For a connector that comes without words of its own: any payload is taken. */
function permissive(className: string, service: string): ServiceManifest {
  return {
    service,
    title: className.replace(/Connector$/, ''),
    description: `Served by ${className}, which describes no payload: any object is taken as it is`,
    connectors: [className],
    payload: z.record(z.string(), z.unknown()),
    inputs: [],
    example: {},
  };
}
