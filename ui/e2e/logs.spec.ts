// Logs: search, levels, fields, the way to the trace, and the live tail.

import { eventually, expect, test } from './support';

test.beforeEach(async ({ request }) => {
  await eventually<{ data: string[] }>(
    request,
    '/loki/api/v1/label/service_name/values',
    (b) => b.data?.includes('deriva-server'),
    'log lines of deriva-server',
  );
});

test('lines come with their volume and their fields', async ({ page }) => {
  await page.goto('/logs');
  await expect(page.getByTestId('log-line').first()).toBeVisible();
  await expect(page.getByTestId('log-count')).toHaveText(/\d/);
  await expect(page.locator('.volume-bar').first()).toBeAttached();
  await expect(page.getByTestId('field-service_name').first()).toContainText('deriva');
});

test('a field narrows the query, and the query stands in the address', async ({ page }) => {
  await page.goto('/logs');
  await page.getByTestId('field-service_name').filter({ hasText: 'deriva-server' }).click();
  await expect(page.getByTestId('log-query')).toHaveValue('{service_name="deriva-server"}');
  await expect(page).toHaveURL(/q=/);
  await page.reload();
  await expect(page.getByTestId('log-query')).toHaveValue('{service_name="deriva-server"}');
  await expect(page.getByTestId('log-line').first()).toBeVisible();
});

test('a level is a filter', async ({ page }) => {
  await page.goto('/logs');
  await page.getByRole('group', { name: 'Levels' }).getByRole('button', { name: 'info' }).click();
  await expect(page).toHaveURL(/level=info/);
  await expect(page.getByTestId('log-line').first()).toBeVisible();
  await expect
    .poll(async () => [...new Set(await page.locator('.log-level').allTextContents())], { message: 'levels in sight' })
    .toEqual(['info']);
});

test('plain words search the lines', async ({ page }) => {
  await page.goto('/logs');
  const query = page.getByTestId('log-query');
  await query.fill('no line says this');
  await query.press('Enter');
  await expect(page.getByText('No line answers to this query')).toBeVisible();
  await page.getByRole('button', { name: 'Every line' }).click();
  await expect(page.getByTestId('log-line').first()).toBeVisible();
});

test('an open line shows its fields and leads to its trace', async ({ page }) => {
  await page.goto('/logs?q=' + encodeURIComponent('{service_name="deriva-server"} | trace_id!=""'));
  await page.getByTestId('log-line').first().click();
  const fields = page.getByTestId('log-fields');
  await expect(fields).toContainText('trace_id');
  await fields.getByTestId('to-trace').click();
  await expect(page).toHaveURL(/\/trace\/[0-9a-f]+/);
  await expect(page.getByTestId('span-row').first()).toBeVisible();
});

test('completion offers labels and their values', async ({ page }) => {
  await page.goto('/logs');
  await expect(page.getByTestId('log-line').first()).toBeVisible();
  const query = page.getByTestId('log-query');
  await query.fill('');
  await query.pressSequentially('{service_n');
  await expect(page.locator('.choices').getByRole('option').first()).toContainText('service_name');
  await page.keyboard.press('Enter');
  await expect(page.locator('.choices').getByRole('option', { name: /deriva-server/ })).toBeVisible();
  await page.keyboard.type('deriva-server');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/deriva-server/);
  await expect(page.getByTestId('log-line').first()).toBeVisible();
});

test('a bad query gets the reason of the server', async ({ page, watched }) => {
  watched.allowFailing(/\/loki\/api\/v1\/query_range/);
  await page.goto('/logs?q=' + encodeURIComponent('{service_name='));
  await expect(page.getByRole('alert')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Try again' })).toBeVisible();
});

test('the live tail follows, pauses and resumes', async ({ page }) => {
  await page.goto('/logs?live=1');
  await expect(page.getByTestId('tail-state')).toHaveText('following');
  await expect(page.getByTestId('log-line').first()).toBeVisible({ timeout: 30_000 });
  await page.getByTestId('pause').click();
  await expect(page.getByTestId('tail-state')).toHaveText(/paused, \d+ new/, { timeout: 30_000 });
  const before = await page.getByTestId('log-line').first().textContent();
  await page.getByTestId('pause').click();
  await expect(page.getByTestId('tail-state')).toHaveText('following');
  await expect.poll(() => page.getByTestId('log-line').first().textContent()).not.toBe(before);
});

test('the arrows move along the lines and Enter opens one', async ({ page }) => {
  await page.goto('/logs');
  await expect(page.getByTestId('log-line').first()).toBeVisible();
  await page.getByRole('list', { name: /Log lines/ }).focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('log-fields')).toContainText('service_name');
});
