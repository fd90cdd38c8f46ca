// The metrics explorer: completion, graph, table, errors, zoom.

import { eventually, expect, test } from './support';

test.beforeEach(async ({ request }) => {
  await eventually<{ data: string[] }>(
    request,
    '/api/v1/label/__name__/values',
    (b) => b.data.includes('deriva_rpc_total'),
    'the metrics of deriva-server',
  );
});

const query = 'sum by (method) (rate(deriva_rpc_total[1m]))';

test('completion writes a query by keyboard alone, and it is drawn', async ({ page }) => {
  await page.goto('/metrics-explorer');
  await expect(page.locator('.browser-item').first()).toBeVisible();
  await page.keyboard.press('/');
  const box = page.getByTestId('promql');
  await expect(box).toBeFocused();
  await page.keyboard.type('deriva_rpc_to');
  await expect(page.locator('.choices').getByRole('option').first()).toContainText('deriva_rpc_total');
  await page.keyboard.press('Tab');
  await expect(box).toHaveValue('deriva_rpc_total');
  await page.keyboard.type('{meth');
  await expect(page.locator('.choices').getByRole('option').first()).toContainText('method');
  await page.keyboard.press('Enter');
  await expect(box).toHaveValue('deriva_rpc_total{method=""}');
  await page.keyboard.type('ge');
  await expect(page.locator('.choices').getByRole('option').first()).toContainText('get');
  await page.keyboard.press('Enter');
  await expect(box).toHaveValue('deriva_rpc_total{method="get"}');
  await page.keyboard.press('Escape');
  await box.press('Enter');
  await expect(page.getByTestId('graph').locator('canvas')).toBeVisible();
  await expect(page.locator('.legend-name').first()).toHaveAttribute('title', /deriva_rpc_total\{.*method="get"/);
  expect(new URL(page.url()).searchParams.get('q')).toBe('deriva_rpc_total{method="get"}');
});

test('the table lists the series of the moment', async ({ page }) => {
  await page.goto(`/metrics-explorer?q=${encodeURIComponent(query)}&view=table`);
  const table = page.getByTestId('table');
  await expect(table.getByRole('columnheader', { name: 'method' })).toBeVisible();
  await expect(table.getByRole('cell', { name: 'get', exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Graph' }).click();
  await expect(page.getByTestId('graph')).toBeVisible();
});

test('an error is the message of the server, beside the query', async ({ page, watched }) => {
  watched.allowFailing(/\/api\/v1\/query_range/);
  await page.goto(`/metrics-explorer?q=${encodeURIComponent('sum(rate(')}`);
  await expect(page.getByTestId('query-error')).not.toBeEmpty();
  await expect(page.getByTestId('promql')).toHaveAttribute('aria-invalid', 'true');
});

test('several queries are drawn together and a reload keeps them', async ({ page }) => {
  await page.goto(`/metrics-explorer?q=${encodeURIComponent(query)}&q=${encodeURIComponent('up')}`);
  await expect(page.getByTestId('promql')).toHaveCount(2);
  await expect(page.locator('.legend-name').filter({ hasText: 'A: ' }).first()).toBeVisible();
  await page.reload();
  await expect(page.getByTestId('promql').nth(1)).toHaveValue('up');
});

test('dragging over the graph narrows the time range', async ({ page }) => {
  await page.goto(`/metrics-explorer?q=${encodeURIComponent(query)}&refresh=off`);
  const over = page.locator('.u-over');
  await expect(over).toBeVisible();
  const box = await over.boundingBox();
  if (!box) throw new Error('the graph has no size');
  await page.mouse.move(box.x + box.width * 0.5, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.8, box.y + 60, { steps: 6 });
  await page.mouse.up();
  await expect(page).toHaveURL(/from=\d{13}.*to=\d{13}/);
});

test('the list of metrics starts a query', async ({ page }) => {
  await page.goto('/metrics-explorer');
  await page.getByLabel('Find a metric').fill('deriva_rpc_total');
  await page.locator('.browser-item').first().click();
  await expect(page.getByTestId('promql')).toHaveValue('rate(deriva_rpc_total[1m])');
  await expect(page.getByTestId('graph')).toBeVisible();
});

test('a query without a result says so', async ({ page }) => {
  await page.goto('/metrics-explorer?q=no_such_metric_anywhere');
  await expect(page.getByText('The query has no result')).toBeVisible();
});
