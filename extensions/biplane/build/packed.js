import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

const MARK = '?packed';

/**
 * `import x from 'file?packed'` gives the file's bytes, gzipped, in base64.
 *
 * Directus serves an extension's app part as one script, uncompressed: what the
 * browser can unpack by itself (map data, the map's worker) is shipped packed.
 * A file that ends in `.gz` is taken as it is.
 */
export const packed = () => ({
	name: 'packed',
	async resolveId(source, importer) {
		if (!source.endsWith(MARK)) return null;
		const resolved = await this.resolve(source.slice(0, -MARK.length), importer, { skipSelf: true });
		return resolved && { id: resolved.id + MARK };
	},
	async load(id) {
		if (!id.endsWith(MARK)) return null;
		const path = id.slice(0, -MARK.length);
		this.addWatchFile(path);
		const bytes = await readFile(path);
		const gzipped = path.endsWith('.gz') ? bytes : gzipSync(bytes, { level: 9 });
		return { code: `export default '${gzipped.toString('base64')}';`, map: { mappings: '' } };
	},
});
