import '@fontsource-variable/inter/wght.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';
import './styles/controls.css';
import './styles/content.css';
import './styles/shell.css';
import './styles/table.css';
import './styles/pages.css';
import './styles/client.css';
import './styles/collection.css';
import './styles/collect.css';
import './styles/artifacts.css';
import './styles/monitoring.css';
import './styles/server.css';
import './styles/narrow.css';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { loadSession } from './api/session';
import { applyTheme, readPref, type Theme } from './lib/prefs';

applyTheme(readPref<Theme>('theme', 'system'));
void loadSession();

const root = document.getElementById('root');
if (root) createRoot(root).render(<App />);
