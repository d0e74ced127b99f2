import { packed } from './build/packed.js';

// `directus-extension build` runs rollup twice, for the app and for the API, with these plugins.
export default { plugins: [packed()] };
