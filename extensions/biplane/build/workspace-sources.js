import { fileURLToPath } from 'node:url';

/**
 * Takes packages of this repository from their sources, so that nothing has to be built before.
 *
 * They export these under the condition `@biplane/source`; Directus's build can't be told of conditions.
 */
export const workspaceSources = () => ({
	name: 'workspace-sources',
	resolveId: (id) => (id === '@biplane/live' ? fileURLToPath(new URL('../../../clients/live/src/index.ts', import.meta.url)) : null),
});
