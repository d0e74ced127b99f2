// The peers, at the pinned versions, in a folder of the user's cache.
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { run } from './process.ts';

const HERE = import.meta.dirname;
const LOCK = 'package-lock.json';

/** Installs them if they are not there; answers their `node_modules`. */
export async function peers(): Promise<string> {
	const cache = process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '/tmp', '.cache');
	const folder = join(cache, 'biplane/schema-tools');
	const modules = join(folder, 'node_modules');
	const wanted = readFileSync(join(HERE, LOCK), 'utf8');
	const stamp = join(modules, '.installed-lock.json');
	if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return modules;
	console.error('installing the peers from npm; this takes minutes the first time');
	mkdirSync(folder, { recursive: true });
	for (const name of ['package.json', LOCK, '.npmrc']) copyFileSync(join(HERE, name), join(folder, name));
	const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` } as Record<string, string>;
	// Native add-ons are built against this Node's headers, where it has brought them along.
	const prefix = dirname(dirname(process.execPath));
	if (existsSync(join(prefix, 'include/node/node.h'))) env.npm_config_nodedir = prefix;
	const ran = await run(['npm', 'ci'], { cwd: folder, env, seconds: 1200 });
	if (ran.exit !== 0) throw new Error(`npm could not install the peers:\n${ran.output}`);
	copyFileSync(join(HERE, LOCK), stamp);
	return modules;
}
