// Home: every service with its golden signals, and the ways on from there.

import { eventually, expect, expectNoSidewaysScroll, test } from './support';

test.beforeEach(async ({ request }) => {
  await eventually<{ data: { result: unknown[] } }>(
    request,
    '/api/v1/query?query=' + encodeURIComponent('sum(rate(traces_spanmetrics_calls_total{service="deriva-server"}[1m])) > 0'),
    (b) => b.data.result.length > 0,
    'calls of deriva-server',
  );
});

test('shows the service with its rate, errors and percentiles', async ({ page }) => {
  test.setTimeout(120_000);
  await page.goto('/');
  const row = page.locator('tr[data-service="deriva-server"]');
  await expect(row).toBeVisible();
  await expect(row.getByTestId('rate')).toHaveText(/^(<\s)?\d/);
  await expect(row.getByTestId('errors')).toHaveText(/%/);
  for (const percentile of ['p50', 'p95', 'p99']) {
    await expect(row.getByTestId(percentile)).toHaveText(/^[\d.]+ (µs|ms|s)$/);
  }
  // The first bar needs a step of the graph to have passed since the start.
  await expect(row.locator('.traffic-bar').first()).toBeAttached({ timeout: 60_000 });
  await expect(row.getByText(/healthy|not reported|scrape|store|cache/).first()).toBeVisible();
  await expect(page.getByTestId('headline')).not.toBeEmpty();
  await expect(page).toHaveTitle('Home · watchroom');
});

test('shows what the server holds', async ({ page }) => {
  await page.goto('/');
  const strip = page.getByTestId('ingest');
  await expect(strip).toContainText('spans');
  await expect(strip).toContainText(/up \d+/);
});

test('a service opens to its operations, and the choice stands in the address', async ({ page }) => {
  await page.goto('/?open=none');
  const toggle = page.getByRole('button', { name: 'deriva-server' });
  await expect(toggle).toHaveAttribute('aria-expanded', 'false');
  await toggle.click();
  await expect(page.locator('tr.operation').filter({ hasText: 'materialize' })).toBeVisible();
  expect(page.url()).toContain('open=deriva-server');
  await page.reload();
  await expect(page.locator('tr.operation').filter({ hasText: 'materialize' })).toBeVisible();
});

test('leads to the traces, logs and metrics of a service and takes the time range along', async ({ page }) => {
  await page.goto('/?from=now-30m&to=now');
  const row = page.locator('tr[data-service="deriva-server"]');
  await row.getByRole('link', { name: 'Traces' }).click();
  await expect(page).toHaveURL(/\/traces\?.*service=deriva-server/);
  expect(page.url()).toContain('from=now-30m');
  await expect(page.getByTestId('trace-row').first()).toBeVisible();
  await page.goBack();
  await row.getByRole('link', { name: 'Logs' }).click();
  await expect(page).toHaveURL(/\/logs\?/);
  await expect(page.getByTestId('log-line').first()).toBeVisible();
  await page.goBack();
  await row.getByRole('link', { name: 'Metrics' }).click();
  await expect(page.getByTestId('graph')).toBeVisible();
});

test('stays within the window at 900 pixels and on a phone', async ({ page }) => {
  for (const width of [900, 390]) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto('/');
    await expect(page.locator('tr[data-service="deriva-server"]')).toBeVisible();
    await expectNoSidewaysScroll(page);
  }
});
