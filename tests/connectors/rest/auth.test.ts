import { describe, expect, test } from '@jest/globals';
import { bodyOf, failureOf, json, serve } from '../http/local-server.ts';
import { connectorFor, run } from './harness.ts';

const request = { path: '/do', body: {} };

describe('credentials', () => {
  test.each([
    [{ type: 'api_key', name: 'X-Key', value: 'secret-1' }, { 'x-key': 'secret-1' }, '/do'],
    [{ type: 'api_key', in: 'query', name: 'key', value: 'secret-1' }, {}, '/do?key=secret-1'],
    [{ type: 'bearer', token: 'secret-1' }, { authorization: 'Bearer secret-1' }, '/do'],
    [{ type: 'basic', username: 'u', password: 'p:w' }, { authorization: 'Basic dTpwOnc=' }, '/do'],
    [{ type: 'none' }, {}, '/do'],
  ])('%j', async (auth, headers, url) => {
    const local = await serve((_, response) => json(response, {}));
    await run(await connectorFor('sync', { base_url: local.url, auth, request }));
    expect(local.requests[0]?.url).toBe(url);
    expect(local.requests[0]?.headers).toMatchObject(headers);
  });

  test('do not show in errors, wherever the service repeats them', async () => {
    const local = await serve((request_, response) =>
      json(response, { error: `bad key in ${request_.url}, use another than secret-123` }, 403),
    );
    const auth = { type: 'api_key', in: 'query', name: 'key', value: 'secret-123' };
    const error = await failureOf(run(await connectorFor('sync', { base_url: local.url, auth, request })));
    expect(error).toMatchObject({ code: 'permission' });
    expect(error.message).not.toContain('secret-123');
  });

  test('a wrong key is an error of authentication, and nothing is tried again', async () => {
    const local = await serve((_, response) => json(response, { error: 'who?' }, 401));
    const auth = { type: 'bearer', token: 'x' };
    const error = await failureOf(run(await connectorFor('sync', { base_url: local.url, auth, request })));
    expect(error).toMatchObject({ code: 'authentication', retryable: false });
    expect(local.asked).toHaveLength(1);
  });

  test('files on other hosts get none of them', async () => {
    const local = await serve((_, response) => json(response, { files: ['https://files.invalid/a'] }));
    const service = {
      base_url: local.url,
      auth: { type: 'bearer', token: 'secret-1' },
      request,
      limits: { retries: 0 },
      response: { artifacts: [{ from: 'url', each: 'files', name: 'a' }] },
    };
    expect(await failureOf(run(await connectorFor('sync', service)))).toMatchObject({ code: 'service_unavailable' });
  });

  test('files inside our own network are not fetched for a service', async () => {
    const inside = await serve((_, response) => json(response, 'secrets'));
    const local = await serve((_, response) => json(response, { files: [`${inside.url}/admin`] }));
    const service = {
      base_url: local.url,
      request,
      response: { artifacts: [{ from: 'url', each: 'files', name: 'a' }] },
    };
    expect(await failureOf(run(await connectorFor('sync', service)))).toMatchObject({ code: 'permission' });
    expect(inside.asked).toEqual([]);
  });
});

describe('OAuth 2', () => {
  /** Gives tokens and takes the newest one only. */
  async function tokenService(lifeSeconds: number) {
    let given = 0;
    let valid = '';
    const forms: string[] = [];
    const local = await serve(async (request_, response) => {
      if (request_.url === '/token') {
        forms.push(`${String(request_.headers.authorization)} ${await bodyOf(request_)}`);
        valid = `token-${++given}`;
        return json(response, { access_token: valid, token_type: 'bearer', expires_in: lifeSeconds });
      }
      if (request_.headers.authorization !== `Bearer ${valid}`) return json(response, { error: 'expired' }, 401);
      json(response, { by: valid });
    });
    return { local, forms, withdraw: () => (valid = 'another') };
  }
  const oauth = { type: 'oauth2', token_url: '/token', client_id: 'me', client_secret: 's3 cret', scope: 'a b' };

  test('one token for all requests, asked for once by all who need it at the same time', async () => {
    const { local, forms } = await tokenService(3_600);
    const connector = await connectorFor('sync', { base_url: local.url, auth: oauth, request });
    const results = await Promise.all([1, 2, 3].map((n) => run(connector, {}, { id: `job${n}` })));
    expect(results.map(({ result }) => result)).toEqual([{ by: 'token-1' }, { by: 'token-1' }, { by: 'token-1' }]);
    expect(forms).toEqual([`Basic ${btoa('me:s3%20cret')} grant_type=client_credentials&scope=a+b`]);
  });

  test('a token that was withdrawn is renewed, once', async () => {
    const { local, forms, withdraw } = await tokenService(3_600);
    const connector = await connectorFor('sync', { base_url: local.url, auth: oauth, request });
    await run(connector);
    withdraw();
    expect(await run(connector)).toMatchObject({ result: { by: 'token-2' } });
    expect(forms).toHaveLength(2);
    const refusing = await serve((request_, response) =>
      request_.url === '/token' ? json(response, { access_token: 't' }) : json(response, {}, 401),
    );
    const other = await connectorFor('sync', { base_url: refusing.url, auth: oauth, request });
    expect(await failureOf(run(other))).toMatchObject({ code: 'authentication' });
    expect(refusing.asked).toEqual(['POST /token', 'POST /do', 'POST /token', 'POST /do']);
  });

  test('credentials in the body; a refusal and an answer without token are explained', async () => {
    const { local, forms } = await tokenService(3_600);
    const auth = { ...oauth, credentials_in: 'body', audience: 'x' };
    await run(await connectorFor('sync', { base_url: local.url, auth, request }));
    expect(forms[0]).toContain('client_id=me&client_secret=s3+cret&scope=a+b&audience=x');
    const refusing = await serve((_, response) =>
      json(response, { error: 'invalid_client', error_description: 's3 cret is wrong' }, 401),
    );
    const refused = await failureOf(run(await connectorFor('sync', { base_url: refusing.url, auth, request })));
    expect(refused).toMatchObject({ code: 'authentication' });
    expect(refused.message).toContain('[redacted] is wrong');
    const empty = await serve((_, response) => json(response, {}));
    const nothing = await failureOf(run(await connectorFor('sync', { base_url: empty.url, auth, request })));
    expect(nothing.message).toContain('without an access_token');
  });
});
