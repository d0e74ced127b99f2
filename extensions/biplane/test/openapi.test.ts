import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { Validator } from '@seriousme/openapi-schema-validator';

const committed = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')) as object;

test('the OpenAPI document is valid by the schema of its version', async () => {
	const validator = new Validator();
	const { valid, errors } = await validator.validate(structuredClone(committed) as never);
	assert.ok(valid, JSON.stringify(errors, null, '\t'));
	assert.equal(validator.version, '3.1');
});

test('the validator refuses what is no OpenAPI', async () => {
	const { valid } = await new Validator().validate({ ...committed, paths: { '/x': { get: { responses: 7 } } } } as never);
	assert.equal(valid, false);
});
