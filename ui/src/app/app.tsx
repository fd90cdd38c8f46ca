// From the path to the page.

import { useEffect } from 'preact/hooks';
import { EmptyState } from '../components/states';
import { Alerts } from '../pages/alerts/alerts';
import { Home } from '../pages/home/home';
import { Logs } from '../pages/logs/logs';
import { ServiceMap } from '../pages/map/map';
import { Metrics } from '../pages/metrics/metrics';
import { Targets } from '../pages/targets/targets';
import { TracePage } from '../pages/trace/trace';
import { Traces } from '../pages/traces/traces';
import { href, Link, usePlace } from './router';
import { Shell } from './shell';

function pageOf(path: string): { title: string; body: preact.ComponentChildren } {
  const trace = /^\/trace\/([^/]+)\/?$/.exec(path);
  if (trace) {
    const id = decodeURIComponent(trace[1] ?? '');
    return { title: `Trace ${id.slice(0, 8)}`, body: <TracePage id={id} key={id} /> };
  }
  switch (path.replace(/(.)\/$/, '$1')) {
    case '/':
      return { title: 'Home', body: <Home /> };
    case '/traces':
      return { title: 'Traces', body: <Traces /> };
    case '/map':
      return { title: 'Service map', body: <ServiceMap /> };
    case '/logs':
      return { title: 'Logs', body: <Logs /> };
    case '/metrics-explorer':
      return { title: 'Metrics', body: <Metrics /> };
    case '/alerts':
      return { title: 'Alerts', body: <Alerts /> };
    case '/targets':
      return { title: 'Targets', body: <Targets /> };
    default:
      return {
        title: 'Nothing here',
        body: (
          <EmptyState title="There is no such page">
            <p>
              <code>{path}</code> leads nowhere. <Link to={href('/')}>Go home</Link>
            </p>
          </EmptyState>
        ),
      };
  }
}

export function App() {
  const { path } = usePlace();
  const { title, body } = pageOf(path);
  useEffect(() => {
    document.title = `${title} · watchroom`;
  }, [title]);
  return <Shell title={title}>{body}</Shell>;
}
