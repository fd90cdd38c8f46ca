// From the search to the waterfall to a span's logs.

import { computedTrace, expect, expectNoSidewaysScroll, test } from './support';

test('search leads to the waterfall and from a span to its logs', async ({ page, request }) => {
  await computedTrace(request);
  await page.goto('/traces?service=deriva-server&operation=compute');
  await expect(page.getByTestId('trace-count')).toHaveText(/\d+ traces?/);
  await expect(page.getByTestId('dot').first()).toBeVisible();
  await page.getByTestId('trace-row').first().click();
  await expect(page).toHaveURL(/\/trace\/[0-9a-f]+/);
  await expect(page.getByTestId('span-count')).toHaveText(/\d+ spans/);
  const rows = page.getByTestId('span-row');
  await expect(rows.filter({ hasText: 'materialize' }).first()).toBeVisible();

  await rows.filter({ hasText: 'deriva-server' }).first().click();
  const panel = page.getByTestId('span-panel');
  await expect(panel).toContainText('request_id');
  await expect(panel.getByTestId('span-logs')).toBeVisible();
  await panel.getByRole('button', { name: 'of the whole trace' }).click();
  await expect(panel.locator('.span-log-lines li').first()).toBeVisible();
  await panel.getByRole('link', { name: 'open in Logs' }).click();
  await expect(page).toHaveURL(/\/logs\?.*trace_id/);
  await expect(page.getByTestId('log-line').first()).toBeVisible();
});

test('a dot of the scatter opens its trace', async ({ page, request }) => {
  await computedTrace(request);
  await page.goto('/traces?service=deriva-server&limit=20');
  await page.getByTestId('dot').first().dispatchEvent('click');
  await expect(page).toHaveURL(/\/trace\/[0-9a-f]+/);
});

test('attributes and durations narrow the search, and the form says what it cannot read', async ({ page, request }) => {
  const trace = await computedTrace(request);
  await page.goto('/traces?service=deriva-server');
  const tags = page.locator('input[name=tags]');
  await tags.fill('oops');
  await page.getByRole('button', { name: 'Search' }).click();
  await expect(page.getByRole('alert')).toContainText('key=value');
  await tags.fill('no.such.attribute=1');
  await tags.press('Enter');
  await expect(page.getByText('No trace answers to this search')).toBeVisible();
  await page.getByRole('button', { name: 'Take out all conditions' }).click();
  await expect(page.getByTestId('trace-row').first()).toBeVisible();
  await page.locator('input[name=min]').fill('1us');
  await page.locator('input[name=min]').press('Enter');
  await expect(page).toHaveURL(/min=1us/);
  await expect(page.getByTestId('trace-row').first()).toBeVisible();
  expect(trace.traceID).toMatch(/^[0-9a-f]+$/);
});

test('a deep link to a span comes back after a reload', async ({ page, request }) => {
  const trace = await computedTrace(request);
  const compute = trace.spans.find((s) => s.operationName === 'compute');
  await page.goto(`/trace/${trace.traceID}?span=${compute?.spanID}&find=compute`);
  const panel = page.getByTestId('span-panel');
  await expect(panel.getByRole('heading', { name: 'compute' })).toBeVisible();
  await expect(panel).toContainText('function');
  const url = page.url();
  await page.reload();
  await expect(panel.getByRole('heading', { name: 'compute' })).toBeVisible();
  await expect(page.getByLabel('Find spans')).toHaveValue('compute');
  expect(page.url()).toBe(url);
});

test('the waterfall obeys the keyboard', async ({ page, request }) => {
  const trace = await computedTrace(request);
  await page.goto(`/trace/${trace.traceID}`);
  const tree = page.getByRole('tree');
  await tree.focus();
  await page.keyboard.press('ArrowDown');
  const first = page.getByTestId('span-row').first();
  await expect(first).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('ArrowLeft');
  await expect(first).toHaveAttribute('aria-expanded', 'false');
  await expect(page.getByTestId('span-row')).toHaveCount(1);
  await page.keyboard.press('ArrowRight');
  await expect(first).toHaveAttribute('aria-expanded', 'true');
  await page.keyboard.press('ArrowDown');
  await expect(page.getByTestId('span-row').nth(1)).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('span-panel')).toHaveCount(0);
});

test('a trace that is not there is said to be missing', async ({ page, watched }) => {
  watched.allowFailing(/\/api\/traces\//);
  await page.goto('/trace/00000000000000000000000000000001');
  await expect(page.getByText('This trace is not here')).toBeVisible();
});

test('ten thousand spans stay quick to scroll', async ({ page }) => {
  const spans = Array.from({ length: 10_000 }, (_, i) => ({
    traceID: 'ab',
    spanID: String(i),
    operationName: `step-${i}`,
    references: i === 0 ? [] : [{ refType: 'CHILD_OF', traceID: 'ab', spanID: String(Math.floor((i - 1) / 8)) }],
    startTime: 1_700_000_000_000_000 + i,
    duration: 20_000 - i,
    tags: [],
    logs: [],
    processID: 'p1',
  }));
  // Only this answer is made up: a trace of this size is not among the demo's.
  await page.route('**/api/traces/ab', (route) =>
    route.fulfill({ json: { data: [{ traceID: 'ab', spans, processes: { p1: { serviceName: 'big' } } }] } }),
  );
  await page.route('**/api/watchroom/traces/ab/**', (route) =>
    route.fulfill({ json: { total_ns: 0, parts: [], spans: [], exemplars: [] } }),
  );
  await page.goto('/trace/ab');
  await expect(page.getByTestId('span-count')).toHaveText('10k spans');
  expect(await page.getByTestId('span-row').count()).toBeLessThan(80);
  await page.getByRole('tree').focus();
  await page.keyboard.press('End');
  await expect(page.locator('.span-row.chosen')).toBeInViewport();
});

test('fits a window of 900 pixels', async ({ page, request }) => {
  const trace = await computedTrace(request);
  await page.setViewportSize({ width: 900, height: 800 });
  for (const path of ['/traces?service=deriva-server', `/trace/${trace.traceID}`]) {
    await page.goto(path);
    await expect(page.getByTestId(path.startsWith('/traces') ? 'trace-row' : 'span-row').first()).toBeVisible();
    await expectNoSidewaysScroll(page);
  }
});
