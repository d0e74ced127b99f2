import { packed } from './build/packed.js';
import { severalOperations } from './build/several-operations.js';
import { workspaceSources } from './build/workspace-sources.js';

// `directus-extension build` runs rollup twice, for the app and for the API, with these plugins.
export default { plugins: [packed(), severalOperations(), workspaceSources()] };
