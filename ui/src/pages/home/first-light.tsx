// The empty home page: nothing has been received yet, and this is how to send something.

import { useState } from 'preact/hooks';
import type { Status } from '../../api/watchroom';
import { EmptyState } from '../../components/states';

type Way = 'rust' | 'env' | 'scrape' | 'demo';

const NAMES: Record<Way, string> = {
  rust: 'A Rust service',
  env: 'Any OpenTelemetry SDK',
  scrape: 'Scrape /metrics',
  demo: 'Try the demo',
};

/** Finds a listener's address whatever the server calls it. */
function listener(status: Status | null, pattern: RegExp, fallback: string): string {
  const found = Object.entries(status?.listeners ?? {}).find(([name]) => pattern.test(name));
  return typeof found?.[1] === 'string' ? found[1] : fallback;
}

export function FirstLight({ status }: { status: Status | null }) {
  const [way, setWay] = useState<Way>('rust');
  const grpc = listener(status, /grpc/i, '127.0.0.1:4317');
  const http = listener(status, /otlp.*http/i, '127.0.0.1:4318');
  const code: Record<Way, string> = {
    rust: `use watchroom::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = watchroom::init(Config::for_service("my-service").from_env()?)?;
    // OTEL_EXPORTER_OTLP_ENDPOINT=http://${grpc}
    …
}`,
    env: `export OTEL_SERVICE_NAME=my-service
export OTEL_EXPORTER_OTLP_ENDPOINT=http://${grpc}      # gRPC
# or
export OTEL_EXPORTER_OTLP_ENDPOINT=http://${http}      # HTTP
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`,
    scrape: `watchroom up --scrape http://127.0.0.1:9090/metrics`,
    demo: `watchroom demo`,
  };
  return (
    <div class="first-light">
      <EmptyState title="The lamp is lit; nothing is in sight yet">
        <p>
          watchroom listens for OTLP on <code>{grpc}</code> (gRPC) and <code>{http}</code> (HTTP). A service appears here with
          its first span, log line or sample.
        </p>
      </EmptyState>
      <div class="panel first-ways">
        <div class="tabs" role="group" aria-label="Ways to send data">
          {(Object.keys(NAMES) as Way[]).map((name) => (
            <button key={name} type="button" class="tab" aria-pressed={way === name} onClick={() => setWay(name)}>
              {NAMES[name]}
            </button>
          ))}
        </div>
        <pre class="code-block">{code[way]}</pre>
        {way === 'demo' && <p class="quiet">Starts a real service with traffic, so that every page has something to show.</p>}
      </div>
    </div>
  );
}
