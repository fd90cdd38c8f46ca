// Entry: styles, then the page.

import 'uplot/dist/uPlot.min.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/home.css';
import './styles/traces.css';
import './styles/trace.css';
import './styles/logs.css';
import './styles/metrics.css';
import './styles/alerts.css';
import './styles/map.css';
import './app/theme';
import { render } from 'preact';
import { App } from './app/app';

const root = document.getElementById('app');
if (root) render(<App />, root);
