// Build settings. The output is committed and compared byte for byte in CI, so nothing here may depend on the
// machine, the time or the environment. `npm run dev` forwards the API to a running `watchroom`.

import { defineConfig } from 'vitest/config';

const backend = process.env['WATCHROOM_URL'] ?? 'http://127.0.0.1:7200';

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    sourcemap: false,
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      '/api': backend,
      '/loki': { target: backend, ws: true },
    },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
