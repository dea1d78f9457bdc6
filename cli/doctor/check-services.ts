import type { ServiceList, ServiceView } from '../api-client/answers.ts';
import { count } from '../output/format.ts';
import { sameReason } from '../output/service-health.ts';
import { ANSWER_MS } from '../temporal/open-temporal.ts';
import { finding, type Finding } from './finding.ts';

/**
 * How the backends behind the workers fare, as the API knows it; those that are not well by name. Who is missing
 * altogether is told by `checkQueues`.
 * @param url with the prefix `/api`
 */
export async function checkServices(url: string): Promise<Finding[]> {
  let services: readonly ServiceView[];
  try {
    const response = await fetch(`${url}/services`, { signal: AbortSignal.timeout(ANSWER_MS) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    ({ services } = (await response.json()) as ServiceList);
  } catch {
    // That the API is not well has been told already.
    return [];
  }
  const of = (health: ServiceView['health']) => services.filter((service) => service.health === health);
  const ill = sameReason([...of('unhealthy'), ...of('degraded')]).map(({ names, health, reason }) =>
    finding(
      'Backends',
      health === 'unhealthy' ? 'fail' : 'warn',
      `${names.join(', ')} ${health}: ${reason}`,
      `More of it: switchyard services ${names[0]}`,
    ),
  );
  const healthy = of('healthy').length;
  const fine = healthy > 0 ? [finding('Backends', 'ok', `${count(healthy, 'service')} healthy`)] : [];
  return [...fine, ...ill, ...unknown(of('unknown'))];
}

function unknown(services: readonly ServiceView[]): Finding[] {
  if (services.length === 0) return [];
  const names = services.map(({ name }) => name).join(', ');
  return [finding('Backends', 'skip', `health of ${names} is not known: ${services[0]?.health_reason ?? ''}`)];
}
