// Traces by expression: search, groups, comparison; the critical path; the service map.

import { computedTrace, expect, expectNoSidewaysScroll, test } from './support';

const EXPR = '{ resource.service.name = "deriva-server" && name = "compute" }';

test('an expression finds traces, and completion helps to write one', async ({ page, request }) => {
  await computedTrace(request);
  await page.goto('/traces?service=deriva-server&operation=compute');
  await page.getByRole('button', { name: 'As expression' }).click();
  const field = page.getByTestId('trace-query');
  await expect(field).toHaveValue(EXPR);
  await expect(page.getByTestId('matched')).toHaveText(/\d.* spans? matched/);
  await expect(page.getByTestId('heat').locator('.heat-cell').first()).toBeVisible();
  await expect(page.getByTestId('trace-row').first()).toContainText('match');

  await field.fill('{ resource.service.n');
  await expect(page.getByRole('option', { name: /resource\.service\.name/ })).toBeVisible();
  await field.press('Enter');
  await expect(field).toHaveValue(/^\{ resource\.service\.name = /);

  await field.fill(EXPR);
  await field.press('Escape');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByTestId('trace-row').first().click();
  await expect(page).toHaveURL(/\/trace\/[0-9a-f]{32}\?.*span=[0-9a-f]{16}/);
  await expect(page.getByTestId('span-panel').getByRole('heading', { name: 'compute' })).toBeVisible();
});

test('an expression that cannot be read is told with its place and what would be right', async ({ page, watched }) => {
  watched.allowFailing(/\/api\/watchroom\/traces\//);
  await page.goto(`/traces?q=${encodeURIComponent('{ foo = 1 }')}`);
  await expect(page.getByTestId('query-error')).toContainText('1:3: parse error: unknown field "foo"');
  await expect(page.getByTestId('query-error')).toContainText('span.foo');
  const field = page.getByTestId('trace-query');
  await field.fill('{ name = "there is no such name" }');
  await field.press('Control+Enter');
  await expect(page.getByText('No trace answers to this expression')).toBeVisible();
  await page.getByRole('button', { name: 'Every trace' }).click();
  await expect(page.getByTestId('trace-row').first()).toBeVisible();
});

test('groups show rate, errors and durations of each value, and lead into one', async ({ page, request }) => {
  await computedTrace(request);
  await page.goto(`/traces?q=${encodeURIComponent('{ resource.service.name = "deriva-server" }')}&view=groups&by=name`);
  const rows = page.getByTestId('group-row');
  await expect(rows.filter({ hasText: 'rpc.get' }).first()).toBeVisible();
  await expect(page.locator('.graph canvas')).toBeVisible();
  await page.getByRole('button', { name: 'p95' }).click();
  await expect(page).toHaveURL(/figure=p95/);
  await rows.filter({ hasText: 'compute' }).first().getByRole('button').click();
  await expect(page.getByTestId('trace-query')).toHaveValue(/&& name = "compute"/);
  await page.locator('input[name=by]').fill('resource.service.name, status');
  await page.getByRole('button', { name: 'Group', exact: true }).click();
  await expect(page).toHaveURL(/by=resource\.service\.name&by=status/);
  await expect(rows.first()).toContainText('deriva-server');
});

test('a selection is compared with the rest', async ({ page, request }) => {
  await computedTrace(request);
  const q = encodeURIComponent('{ resource.service.name = "deriva-server" }');
  await page.goto(`/traces?q=${q}&view=compare&selection=${encodeURIComponent('{ name = "compute" }')}`);
  await expect(page.getByTestId('compare-head')).toContainText('selected');
  const name = page.getByTestId('contrast').filter({ has: page.locator('code', { hasText: /^name$/ }) });
  await expect(name).toContainText('compute');
  await expect(name).toContainText('100 %');
  await name.getByRole('button', { name: 'Only spans with name = "compute"' }).click();
  await expect(page.getByTestId('trace-query')).toHaveValue(/name = "compute"/);
  await expect(page.getByText('Nothing is left to compare with')).toBeVisible();
});

test('the critical path is told and marked, and can be put away', async ({ page, request }) => {
  const trace = await computedTrace(request);
  await page.goto(`/trace/${trace.traceID}`);
  await expect(page.getByTestId('path-mark').first()).toBeVisible();
  const strip = page.getByTestId('path-strip');
  await expect(strip).toContainText('%');
  await strip.getByRole('button').first().click();
  await expect(page.getByTestId('span-panel')).toContainText('on the path');
  await page.getByTestId('path-toggle').click();
  await expect(strip).toHaveCount(0);
  await expect(page.getByTestId('path-mark')).toHaveCount(0);
  await page.reload();
  await expect(page.getByTestId('path-toggle')).toHaveAttribute('aria-pressed', 'false');
});

test('the service map shows who calls whom, and leads to the calls', async ({ page, request }) => {
  await computedTrace(request);
  await page.goto('/');
  await expect(page.locator('main')).toBeVisible();
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await expect(page).toHaveURL(/\/map/);
  const nodes = page.getByTestId('map-node');
  await expect(nodes.filter({ hasText: 'deriva-server' })).toBeVisible();
  await expect(page.getByTestId('map-edge').first()).toBeVisible();
  const table = page.getByTestId('map-table');
  await expect(table).toContainText('→ deriva-server');
  await page.getByRole('button', { name: 'p95' }).click();
  await expect(page.locator('.map-figure').first()).toHaveText(/µs|ms|s|–/);
  await nodes.filter({ hasText: 'deriva-server' }).press('Enter');
  await expect(page.getByTestId('map-chosen')).toContainText('requests');
  await expect(page).toHaveURL(/service=deriva-server/);
  await table.getByRole('link').first().click();
  await expect(page).toHaveURL(/\/traces\?.*q=/);
  await expect(page.getByTestId('trace-row').first()).toBeVisible();
});

test('the analytics fit a window of 900 pixels', async ({ page, request }) => {
  await computedTrace(request);
  await page.setViewportSize({ width: 900, height: 800 });
  const q = encodeURIComponent('{ }');
  for (const [path, id] of [
    [`/traces?q=${q}`, 'trace-row'],
    [`/traces?q=${q}&view=groups`, 'group-row'],
    [`/traces?q=${q}&view=compare`, 'heat'],
    ['/map', 'map-node'],
  ] as const) {
    await page.goto(path);
    await expect(page.getByTestId(id).first()).toBeVisible();
    await expectNoSidewaysScroll(page);
  }
});
