import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './app.tsx';
import { loadConfig } from './config.ts';
import './styles/base.css';
import './styles/top-bar.css';
import './styles/pages.css';
import './styles/race.css';
import './styles/standings.css';
import './styles/lists.css';
import './styles/map.css';
import './styles/detail.css';

const root = createRoot(document.getElementById('app')!);
void loadConfig().then((config) =>
	root.render(
		<StrictMode>
			<App config={config} />
		</StrictMode>,
	),
);
