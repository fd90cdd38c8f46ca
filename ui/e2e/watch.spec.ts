// Alerts, targets, and what holds on every page: theme, keyboard, time, titles, error states.

import { expect, test } from './support';

test('alerts show the rules with their state and expression', async ({ page }) => {
  await page.goto('/alerts');
  const rule = page.getByTestId('rule').filter({ hasText: 'DeterminismViolation' }).first();
  await expect(rule).toBeVisible();
  await expect(rule).toHaveAttribute('data-state', /firing|pending|inactive/);
  if ((await rule.getAttribute('open')) === null) await rule.locator('summary').click();
  await rule.locator('.rule-expr').click();
  await expect(page).toHaveURL(/\/metrics-explorer\?.*q=/);
});

test('alerts are filtered by text and state, in the address', async ({ page }) => {
  await page.goto('/alerts?q=HighLatency');
  await expect(page.getByTestId('rule').filter({ hasText: 'HighLatency' }).first()).toBeVisible();
  await expect(page.getByTestId('rule').filter({ hasText: 'CacheHitRateLow' })).toHaveCount(0);
  await page.getByLabel('Find rules').fill('no such rule');
  await expect(page.getByText('No rule answers to this')).toBeVisible();
  await page.getByRole('button', { name: 'Show all' }).click();
  await expect(page.getByTestId('rule').first()).toBeVisible();
});

test('targets show how the scrape went', async ({ page }) => {
  await page.goto('/targets');
  const target = page.getByTestId('target').first();
  await expect(target).toBeVisible();
  await expect(target).toHaveAttribute('data-health', /up|down|unknown/);
  await expect(target).toContainText('job=');
  await expect(page.locator('[data-testid=target][data-health=up]').first()).toContainText(/ago|just now/);
});

test('the keyboard goes everywhere', async ({ page }) => {
  await page.goto('/');
  await expect(page.locator('tr.service').first()).toBeVisible();
  const stops: [string, string, RegExp][] = [
    ['t', '/traces', /^Traces/],
    ['l', '/logs', /^Logs/],
    ['m', '/metrics-explorer', /^Metrics/],
    ['a', '/alerts', /^Alerts/],
    ['r', '/targets', /^Targets/],
    ['h', '/', /^Home/],
  ];
  for (const [key, path, title] of stops) {
    await page.keyboard.press('g');
    await page.keyboard.press(key);
    await expect.poll(() => new URL(page.url()).pathname).toBe(path);
    await expect(page).toHaveTitle(title);
  }
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard help' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.keyboard.press('g');
  await page.keyboard.press('t');
  await expect(page.getByTestId('trace-row').first()).toBeVisible();
  await page.keyboard.press('/');
  await expect(page.locator('input[name=tags]')).toBeFocused();
});

test('arrows and Enter open a trace from the list', async ({ page }) => {
  await page.goto('/traces?service=deriva-server');
  const rows = page.getByTestId('trace-row');
  await expect(rows.nth(1)).toBeVisible();
  await rows.first().focus();
  await page.keyboard.press('ArrowDown');
  await expect(rows.nth(1)).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/trace\//);
});

test('dark and light follow the system until one is chosen, and the choice is kept', async ({ page }) => {
  const shown = () => page.evaluate(() => document.documentElement.dataset['theme']);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto('/');
  expect(await shown()).toBe('light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(shown).toBe('dark');
  await page.getByTestId('theme').click();
  await page.getByTestId('theme').click();
  await expect.poll(shown).toBe('light');
  await page.reload();
  expect(await shown()).toBe('light');
});

test('the time range is chosen from the picker and survives a reload', async ({ page }) => {
  await page.goto('/targets');
  await page.getByTestId('time-range').click();
  await page.getByRole('button', { name: 'Last 3 hours' }).click();
  await expect(page).toHaveURL(/from=now-3h/);
  await page.reload();
  await expect(page.getByTestId('time-range')).toHaveText('Last 3 hours');
  await page.getByTestId('time-range').click();
  await page.getByLabel('From').fill('nonsense');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByRole('alert')).toContainText('Not a range');
});

test('a page that cannot load says why and tries again when asked', async ({ page, watched }) => {
  watched.allowFailing(/\/api\/v1\/targets/);
  await page.route('**/api/v1/targets*', (route) =>
    route.fulfill({ status: 503, json: { status: 'error', error: 'the store is being opened' } }),
  );
  await page.goto('/targets');
  await expect(page.getByRole('alert')).toContainText('the store is being opened');
  await page.unroute('**/api/v1/targets*');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByTestId('target').first()).toBeVisible();
});

test('an unknown address is a page of its own', async ({ page }) => {
  await page.goto('/no/such/page');
  await expect(page.getByText('There is no such page')).toBeVisible();
});

test('the page comes with a strict content security policy', async ({ request }) => {
  const response = await request.get('/');
  const policy = response.headers()['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toContain('unsafe');
});
