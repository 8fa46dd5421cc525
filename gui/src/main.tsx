import '@fontsource-variable/inter/wght.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/table.css';
import './styles/pages.css';
import './styles/narrow.css';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { loadSession } from './api/session';
import { applyTheme, readPref, type Theme } from './lib/prefs';

applyTheme(readPref<Theme>('theme', 'system'));
void loadSession();

const root = document.getElementById('root');
if (root) createRoot(root).render(<App />);
