import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { ApiFixture } from '../api/api-fixture.ts';
import { launchBrowser } from '../harness/browser.ts';

let api: ApiFixture;
let browser: Browser;

beforeAll(async () => {
  [api, browser] = await Promise.all([ApiFixture.start(), launchBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await api?.stop();
});

test('the reference shows every operation, breaks no policy and loads nothing from elsewhere', async () => {
  const page = await browser.newPage();
  const complaints: string[] = [];
  const elsewhere: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(api.url) && !request.url().startsWith('data:')) elsewhere.push(request.url());
  });
  await page.goto(`${api.url}/api/docs`);
  await page.getByText('Submit a job', { exact: true }).waitFor();
  const { paths } = await api.json<{ paths: Record<string, Record<string, { summary: string }>> }>('/api/openapi.json');
  const summaries = Object.values(paths).flatMap((methods) => Object.values(methods).map(({ summary }) => summary));
  expect(summaries.length).toBeGreaterThanOrEqual(16);
  for (const summary of summaries) {
    const shown = page.getByText(summary, { exact: true }).first();
    expect(await shown.isVisible()).toBe(true);
    expect((await shown.boundingBox())?.height).toBeGreaterThan(5);
  }
  // An operation opens with its parameters and the schema of its answer.
  await page.getByText('Watch a job', { exact: true }).click();
  await page.getByText('Last-Event-ID').first().waitFor();
  await page.getByText('The events', { exact: true }).waitFor();
  expect(complaints).toEqual([]);
  expect(elsewhere).toEqual([]);
  await page.close();
});

test('the policy holds: what a page must not do is refused', async () => {
  const page = await browser.newPage();
  const refused: string[] = [];
  page.on('console', (message) => refused.push(message.text()));
  await page.goto(`${api.url}/api/docs`);
  await page.evaluate(`(() => {
    const script = document.createElement('script');
    script.textContent = 'window.injected = true';
    document.body.append(script);
  })()`);
  expect(await page.evaluate('window.injected')).toBeUndefined();
  expect(refused.join('\n')).toContain('Content Security Policy');
  await page.close();
});
