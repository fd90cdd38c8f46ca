// A server that has received nothing. The demo never is one, so the answers of an empty store are put in its place.

import type { Page } from '@playwright/test';
import { expect, test } from './support';

async function emptyStore(page: Page): Promise<void> {
  const prometheus = (data: unknown) => ({ json: { status: 'success', data } });
  await page.route('**/api/v1/**', (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname.endsWith('/query_range')) return route.fulfill(prometheus({ resultType: 'matrix', result: [] }));
    if (pathname.endsWith('/query')) return route.fulfill(prometheus({ resultType: 'vector', result: [] }));
    if (pathname.endsWith('/alerts')) return route.fulfill(prometheus({ alerts: [] }));
    if (pathname.endsWith('/rules')) return route.fulfill(prometheus({ groups: [] }));
    if (pathname.endsWith('/targets')) return route.fulfill(prometheus({ activeTargets: [], droppedTargets: [] }));
    return route.fulfill(prometheus(pathname.endsWith('/metadata') ? {} : []));
  });
  await page.route('**/api/services', (route) => route.fulfill({ json: { data: [], errors: null } }));
  await page.route('**/loki/api/v1/query_range*', (route) =>
    route.fulfill(prometheus({ resultType: 'streams', result: [] })),
  );
  await page.route('**/loki/api/v1/label*/**', (route) => route.fulfill(prometheus([])));
  await page.route('**/loki/api/v1/labels', (route) => route.fulfill(prometheus([])));
}

test('home says how to send data, with the addresses of this server', async ({ page, request }) => {
  const status = (await (await request.get('/api/watchroom/status')).json()) as { listeners: Record<string, string> };
  await emptyStore(page);
  await page.goto('/');
  await expect(page.getByText('The lamp is lit; nothing is in sight yet')).toBeVisible();
  await expect(page.locator('.first-light')).toContainText(status.listeners['otlp_grpc'] ?? '4317');
  await page.getByRole('button', { name: 'Any OpenTelemetry SDK' }).click();
  await expect(page.locator('.first-light pre')).toContainText('OTEL_EXPORTER_OTLP_ENDPOINT');
  await page.getByRole('button', { name: 'Try the demo' }).click();
  await expect(page.locator('.first-light pre')).toHaveText('watchroom demo');
});

for (const [path, title] of [
  ['/traces', 'No traces have come in yet'],
  ['/logs', 'No log line has come in yet'],
  ['/metrics-explorer', 'No metric has come in yet'],
  ['/alerts', 'No rule is loaded'],
  ['/targets', 'Nothing is scraped'],
] as const) {
  test(`${path} says that it is empty and what to do`, async ({ page }) => {
    await emptyStore(page);
    await page.goto(path);
    await expect(page.getByRole('heading', { name: title })).toBeVisible();
    await expect(page.locator('.state-empty code').first()).toContainText('watchroom');
  });
}
