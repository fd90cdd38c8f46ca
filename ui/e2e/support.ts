// What every browser test shares: a page that is watched for errors and for requests that leave the origin, and a way to wait
// for data that a running demo brings by and by.

import { expect, test as base, type APIRequestContext, type Page } from '@playwright/test';

export interface Watched {
  /** Requests that the test provokes to fail; the browser reports them on the console too. */
  allowFailing(pattern: RegExp): void;
}

export const test = base.extend<{ watched: Watched }>({
  watched: [
    async ({ page, baseURL }, use) => {
      const faults: string[] = [];
      const allowed: RegExp[] = [];
      const origin = new URL(baseURL ?? '').origin;
      page.on('console', (message) => {
        if (message.type() !== 'error' && message.type() !== 'warning') return;
        const from = message.location().url;
        if (allowed.some((pattern) => pattern.test(from))) return;
        faults.push(`console ${message.type()}: ${message.text()} (${from})`);
      });
      page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
      page.on('request', (request) => {
        const url = new URL(request.url());
        if (url.protocol === 'data:' || url.protocol === 'blob:') return;
        if (url.origin !== origin) faults.push(`request to another origin: ${request.url()}`);
      });
      page.on('websocket', (socket) => {
        if (new URL(socket.url()).host !== new URL(origin).host) faults.push(`socket to another host: ${socket.url()}`);
      });
      await page.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) => {
          console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI}`);
        });
      });
      await use({ allowFailing: (pattern) => allowed.push(pattern) });
      expect(faults, 'faults that the browser saw').toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** Waits until an API answers with something that satisfies the check. */
export async function eventually<T>(
  request: APIRequestContext,
  path: string,
  check: (body: T) => boolean,
  what: string,
): Promise<T> {
  let last: T | undefined;
  await expect
    .poll(
      async () => {
        const response = await request.get(path);
        if (!response.ok()) return false;
        last = (await response.json()) as T;
        return check(last);
      },
      { message: what, timeout: 45_000 },
    )
    .toBe(true);
  return last as T;
}

interface FoundSpan {
  operationName: string;
  spanID: string;
  references?: { spanID: string }[] | null;
}

interface FoundTraces {
  data: { traceID: string; spans: FoundSpan[] }[];
}

/** A trace of a get that went the whole way and has arrived whole: exporters send in batches, the newest are in pieces. */
export async function computedTrace(request: APIRequestContext): Promise<FoundTraces['data'][number]> {
  const path = '/api/traces?service=deriva-server&operation=compute&limit=100';
  const isWhole = ({ spans }: FoundTraces['data'][number]) => {
    const ids = new Set(spans.map((s) => s.spanID));
    const names = new Set(spans.map((s) => s.operationName));
    const hasAllParents = spans.every((s) => (s.references ?? []).every((r) => ids.has(r.spanID)));
    return hasAllParents && names.has('rpc.get') && names.has('materialize');
  };
  const found = await eventually<FoundTraces>(request, path, (b) => b.data.some(isWhole), 'a whole computed trace');
  return found.data.find(isWhole) as FoundTraces['data'][number];
}

/** No element is wider than the window: nothing has to be scrolled sideways to be read. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(over).toBeLessThanOrEqual(1);
}
