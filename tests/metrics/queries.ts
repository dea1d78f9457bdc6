import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../house/repository.ts';

/** A query of a file in deploy/, with the names of labels that texts beside it use. */
export interface Query {
  where: string;
  expr: string;
  labels: string[];
}

interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  annotations?: Record<string, string>;
}

interface Panel {
  title: string;
  targets?: { expr: string; legendFormat: string }[];
}

const text = (path: string): string => readFileSync(join(ROOT, 'deploy', path), 'utf8');

export function ruleQueries(): (Query & { alert: boolean })[] {
  const { groups } = parse(text('prometheus/rules.yml')) as { groups: { rules: Rule[] }[] };
  return groups
    .flatMap(({ rules }) => rules)
    .map(({ alert, record, expr, annotations = {} }) => ({
      ...{ where: alert ?? record ?? '', expr, alert: alert !== undefined },
      labels: [
        ...Object.values(annotations)
          .join(' ')
          .matchAll(/\$labels\.(\w+)/g),
      ].map(([, name]) => name!),
    }));
}

/** Those of the dashboard, as Grafana sends them with everything chosen. */
export function panelQueries(): Query[] {
  const { panels } = JSON.parse(text('grafana/switchyard.json')) as { panels: Panel[] };
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({
      where: title,
      expr: expr.replaceAll(/\$(?:pool|machine)\b/g, '.*').replaceAll('$__rate_interval', '1m'),
      labels: [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name!),
    })),
  );
}

/** `label_values(metric, label)` of the dashboard's choices. */
export function choices(): { metric: string; label: string }[] {
  const { templating } = JSON.parse(text('grafana/switchyard.json')) as {
    templating: { list: { definition?: string }[] };
  };
  return templating.list.flatMap(({ definition }) => {
    const found = /^label_values\((\S+), (\w+)\)$/.exec(definition ?? '');
    return found ? [{ metric: found[1]!, label: found[2]! }] : [];
  });
}

/** Metrics with the labels that a query asks them for, and the labels it groups or joins by. */
export function partsOf(expr: string): { metrics: { name: string; labels: string[] }[]; groups: string[] } {
  const groups: string[] = [];
  const rest = expr
    .replaceAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g, (_, names: string) => {
      groups.push(...names.split(',').map((name) => name.trim()));
      return ' ';
    })
    .replaceAll(/\[[^\]]*\]/g, ' ');
  const metrics = [...rest.matchAll(/([a-z_:][\w:]*)\s*(?:\{([^}]*)\}|(?![\w:(]|\s*\())/gi)]
    .filter(([, name]) => (name!.includes('_') && !/_over_time$|^histogram_quantile$/.test(name!)) || name === 'up')
    .map(([, name, matchers = '']) => ({
      name: name!,
      labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label!),
    }));
  return { metrics, groups: groups.filter((name) => name !== 'le') };
}
