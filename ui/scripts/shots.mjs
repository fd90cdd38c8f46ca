// Photographs the pages of a running `watchroom demo` for the README: npm run shots -- ../docs/img
// The address stands in WATCHROOM_URL. Let the demo run for some minutes first, so that there is something to see.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from '@playwright/test';

const base = process.env.WATCHROOM_URL ?? 'http://127.0.0.1:7200';
const out = process.argv[2] ?? 'shots';
const get = async (path) => (await fetch(base + path)).json();

/** A trace worth looking at: whole, with some depth, and its server span chosen. */
async function bestTrace() {
  const found = await get('/api/traces?service=deriva-server&operation=compute&limit=300');
  const ids = (t) => new Set(t.spans.map((s) => s.spanID));
  const whole = found.data.filter((t) => t.spans.every((s) => (s.references ?? []).every((r) => ids(t).has(r.spanID))));
  const computes = (t) => t.spans.filter((s) => s.operationName === 'compute').length;
  const [fit] = whole
    .filter((t) => t.spans.length <= 45 && !t.spans.some((s) => s.operationName === 'rpc.put_recipe'))
    .sort((a, b) => computes(b) - computes(a));
  const trace = fit ?? whole[0] ?? found.data[0];
  const span = trace.spans.find((s) => s.operationName === 'rpc.get') ?? trace.spans[0];
  return `/trace/${trace.traceID}?span=${span.spanID}`;
}

const query = encodeURIComponent('histogram_quantile(0.95, sum by (le, method) (rate(deriva_rpc_duration_seconds_bucket[1m])))');
const pages = {
  home: '/',
  traces: '/traces?service=deriva-server&limit=500',
  trace: await bestTrace(),
  logs: '/logs',
  metrics: `/metrics-explorer?q=${query}`,
  alerts: '/alerts',
  targets: '/targets',
};

await mkdir(out, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
for (const theme of ['dark', 'light']) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: theme });
  const page = await context.newPage();
  for (const [name, path] of Object.entries(pages)) {
    await page.goto(base + path);
    await page.waitForLoadState('networkidle');
    await page.waitForTimeout(400);
    await page.screenshot({ path: join(out, `${name}-${theme}.png`) });
  }
  await context.close();
}
await browser.close();
