import type { OpenApiDocument, Operation, SecurityScheme } from './document.ts';

/** How a service file says who asks. */
export interface FoundAuth {
  auth: Record<string, unknown>;
  /** Credentials beside the first one. */
  headers: Record<string, string>;
  query: Record<string, string>;
  remarks: string[];
}

/**
 * The credentials of an operation: of several ways the first that a service file can say.
 * @param prefix of the variables, e.g. `MY_API`
 * @returns the reason when there is no such way
 */
export function authOf(document: OpenApiDocument, operation: Operation, prefix: string): FoundAuth | string {
  const ways = operation.security ?? document.security ?? [];
  const schemes = document.components?.securitySchemes ?? {};
  const reasons: string[] = [];
  for (const way of ways) {
    const found: FoundAuth = { auth: { type: 'none' }, headers: {}, query: {}, remarks: [] };
    const problems = Object.entries(way).map(([name, scopes]) => add(found, name, schemes[name], scopes, prefix));
    const problem = problems.find((each) => each !== undefined);
    if (problem === undefined) return found;
    reasons.push(problem);
  }
  if (ways.length === 0) return { auth: { type: 'none' }, headers: {}, query: {}, remarks: [] };
  return reasons.join('; ');
}

/** @returns what is in the way */
function add(
  found: FoundAuth,
  name: string,
  scheme: SecurityScheme | undefined,
  scopes: string[],
  prefix: string,
): string | undefined {
  if (!scheme) return `the security scheme "${name}" is not described`;
  const variable = (what: string) => `\${${prefix}_${what}}`;
  const free = found.auth['type'] === 'none';
  if (scheme.type === 'apiKey' && scheme.name) {
    const key = variable(free ? 'API_KEY' : name.replaceAll(/\W+/g, '_').toUpperCase());
    if (scheme.in === 'cookie') found.headers['Cookie'] = `${scheme.name}=${key}`;
    else if (free) found.auth = { type: 'api_key', in: scheme.in, name: scheme.name, value: key };
    else if (scheme.in === 'header') found.headers[scheme.name] = key;
    else found.query[scheme.name] = key;
    return undefined;
  }
  if (!free) return `"${name}" comes on top of another scheme, which a service file cannot say`;
  if (scheme.type === 'http' && scheme.scheme?.toLowerCase() === 'bearer') {
    found.auth = { type: 'bearer', token: variable('TOKEN') };
    return undefined;
  }
  if (scheme.type === 'http' && scheme.scheme?.toLowerCase() === 'basic') {
    found.auth = { type: 'basic', username: variable('USERNAME'), password: variable('PASSWORD') };
    return undefined;
  }
  const flow = scheme.flows?.clientCredentials;
  if (scheme.type === 'oauth2' && flow) {
    found.auth = {
      type: 'oauth2',
      token_url: flow.tokenUrl,
      client_id: variable('CLIENT_ID'),
      client_secret: variable('CLIENT_SECRET'),
      ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
    };
    return undefined;
  }
  if (scheme.type === 'oauth2' || scheme.type === 'openIdConnect') {
    found.auth = { type: 'bearer', token: variable('TOKEN') };
    found.remarks.push(`"${name}" wants a person to log in: put a token that somebody has got into ${prefix}_TOKEN`);
    return undefined;
  }
  return `the security scheme "${name}" (${[scheme.type, scheme.scheme].filter(Boolean).join(' ')}) is none a service file can say`;
}
