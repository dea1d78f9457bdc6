import type { ServiceManifest } from '../../contract/service-manifest.ts';
import type { ConfigProblem } from '../config/config-error.ts';
import { meant } from '../config/nearest.ts';

/**
 * The description of what a connector does under a capability's name: of the service of that name, else, for an alias,
 * of the connector's only service.
 * @param place keys of the entry, for `problems`
 */
export function chooseManifest(
  capability: string,
  connector: string,
  manifests: readonly ServiceManifest[],
  place: { at: string; here: string },
  problems: ConfigProblem[],
): ServiceManifest | undefined {
  const own = manifests.filter((manifest) => manifest.connectors.includes(connector));
  if (own.length === 0) {
    const classes = [...new Set(manifests.flatMap((manifest) => manifest.connectors))];
    problems.push({
      name: `${place.at}.connector`,
      problem: `no connector class "${connector}" was found`,
      hint: `put its folder into connectors/, name its folder in SWITCHYARD_CONNECTOR_DIRS, or remove the entry; ${meant(connector, classes)}`,
    });
    return undefined;
  }
  const named = own.find((manifest) => manifest.service === capability);
  if (named) return named;
  const elsewhere = manifests.find((manifest) => manifest.service === capability);
  if (elsewhere) {
    problems.push({
      name: place.here,
      problem: `"${capability}" is the service of ${elsewhere.connectors.join(', ')}, whose jobs ${connector} does not know`,
      hint: `name one of these as connector, or serve it under another name; ${connector} does: ${own.map(({ service }) => service).join(', ')}`,
    });
    return undefined;
  }
  if (own.length === 1) return own[0];
  problems.push({
    name: place.here,
    problem: `${connector} does several services, and "${capability}" is none of them`,
    hint: meant(
      capability,
      own.map(({ service }) => service),
    ),
  });
  return undefined;
}
