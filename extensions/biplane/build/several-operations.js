/**
 * Lets one entry of the bundle give an array of operations: the manifest knows how many there are.
 *
 * The bundle's own code lists operations as `{name:'x',config:e1}` for the API and as `e1` for the app.
 */
export const severalOperations = () => ({
	name: 'several-operations',
	transform(code, id) {
		if (!id.includes('virtual:entry')) return null;
		const found = /export const operations = \[(.*?)\];/.exec(code);
		if (!found) throw new Error('the bundle lists its operations in another way than this plugin knows');
		const spread = found[1].replaceAll(
			/\{name:'([^']+)',config:(e\d+)\}|(e\d+)/g,
			(_, name, config, bare) => (bare ? `...[${bare}].flat()` : `...[${config}].flat().map((config) => ({ name: '${name}', config }))`),
		);
		return { code: code.replace(found[0], `export const operations = [${spread}];`), map: { mappings: '' } };
	},
});
