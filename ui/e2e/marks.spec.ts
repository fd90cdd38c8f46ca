// What other signals lead to: exemplars, native histograms, numbers out of logs, silences. Answers that the demonstration does not have are made up.

import { computedTrace, expect, test } from './support';

test('an exemplar on a graph opens its trace', async ({ page, request }) => {
  const trace = await computedTrace(request);
  const now = Date.now() / 1000;
  await page.route('**/api/v1/query_exemplars*', (route) =>
    route.fulfill({
      json: {
        status: 'success',
        data: [{ seriesLabels: { __name__: 'x' }, exemplars: [{ labels: { trace_id: trace.traceID }, value: '0.5', timestamp: now - 120 }] }],
      },
    }),
  );
  await page.goto('/metrics-explorer?q=vector(1)');
  await page.getByTestId('exemplar').first().click();
  await expect(page).toHaveURL(new RegExp(`/trace/${trace.traceID}`));
  await page.goto('/metrics-explorer?q=vector(1)');
  await expect(page.getByTestId('exemplar')).toHaveCount(1);
  await page.getByTestId('exemplars').click();
  await expect(page.getByTestId('exemplar')).toHaveCount(0);
});

test('native histograms are drawn over time and listed by bucket', async ({ page }) => {
  const now = Math.floor(Date.now() / 1000);
  const histogram = { count: '7', sum: '3.5', buckets: [[0, '0.25', '0.5', '3'], [0, '0.5', '1', '4']] };
  const metric = { __name__: 'latency' };
  await page.route('**/api/v1/query_range*', (route) =>
    route.fulfill({
      json: { status: 'success', data: { resultType: 'matrix', result: [{ metric, histograms: [[now - 60, histogram], [now - 30, histogram]] }] } },
    }),
  );
  await page.route('**/api/v1/query?*', (route) =>
    route.fulfill({ json: { status: 'success', data: { resultType: 'vector', result: [{ metric, histogram: [now, histogram] }] } } }),
  );
  await page.goto('/metrics-explorer?q=latency');
  await expect(page.getByTestId('histogram')).toBeVisible();
  await expect(page.getByTestId('histogram').locator('.heat-cell')).toHaveCount(4);
  await page.getByRole('button', { name: 'Table' }).click();
  const cell = page.getByTestId('cell-histogram');
  await expect(cell).toContainText('7 observations, mean 0.5');
  await cell.locator('summary').click();
  await expect(cell).toContainText('(0.5, 1]');
});

test('a log query for numbers is drawn as a graph', async ({ page }) => {
  await page.route('**/loki/api/v1/query_range*', (route) => {
    const start = Number(new URL(route.request().url()).searchParams.get('start')) / 1e9;
    const step = Number(new URL(route.request().url()).searchParams.get('step'));
    const values = Array.from({ length: 20 }, (_, i) => [start + i * step, String(i)]);
    return route.fulfill({ json: { status: 'success', data: { resultType: 'matrix', result: [{ metric: { level: 'info' }, values }] } } });
  });
  await page.goto(`/logs?q=${encodeURIComponent('sum by (level) (rate({service_name=~".+"}[1m]))')}`);
  await expect(page.getByTestId('graph')).toBeVisible();
  await expect(page.getByTestId('graph')).toContainText('level="info"');
});

test('an alert is silenced from its line, and the silence is ended', async ({ page }) => {
  const labels = { alertname: 'Slow', service: 'made-up' };
  const alert = { labels, annotations: {}, state: 'firing', activeAt: new Date(Date.now() - 60_000).toISOString(), value: '1' };
  const rule = { type: 'alerting', name: 'Slow', query: 'up', state: 'firing', duration: 0, labels: {}, annotations: {}, alerts: [alert], health: 'ok' };
  let silences: Record<string, unknown>[] = [];
  await page.route('**/api/v1/rules', (route) =>
    route.fulfill({ json: { status: 'success', data: { groups: [{ name: 'g', file: 'f', interval: 10, rules: [rule] }] } } }),
  );
  await page.route('**/api/watchroom/silences**', async (route) => {
    const method = route.request().method();
    if (method === 'POST') {
      const posted = route.request().postDataJSON() as Record<string, unknown>;
      silences = [{ ...posted, id: 'one', status: { state: 'active' }, startsAt: new Date().toISOString() }];
      return route.fulfill({ json: { silenceID: 'one' } });
    }
    if (method === 'DELETE') silences = [];
    return route.fulfill({ json: method === 'GET' ? silences : {} });
  });
  await page.goto('/alerts');
  const instance = page.getByTestId('instance');
  await instance.getByTestId('silence-open').click();
  await instance.getByLabel('Why').fill('known');
  await instance.getByRole('button', { name: 'Silence', exact: true }).click();
  await expect(instance.getByTestId('silenced')).toBeVisible();
  const silence = page.getByTestId('silence');
  await expect(silence).toContainText('alertname="Slow"');
  await expect(silence).toContainText('known');
  await silence.getByRole('button', { name: 'End now' }).click();
  await expect(page.getByTestId('silence')).toHaveCount(0);
  await expect(instance.getByTestId('silence-open')).toBeVisible();
});
