import type { OperationAppConfig } from '@directus/types';

import { operationId } from './operation-id.ts';
import type { Manifest, Parameter } from './protocol.ts';

type FormField = Extract<OperationAppConfig['options'], { field?: string }[]>[number];

/** What the Flow editor shows for each operation of the manifest. */
export const formsOf = (manifest: Manifest): OperationAppConfig[] =>
	manifest.rules.filter((rule) => rule.kind === 'operation').map(({ name, label, icon, description, options }) => ({
		id: operationId(name),
		name: label,
		icon,
		description,
		overview: (set) =>
			options.filter((option) => filled(set[option.name])).map((option) => ({ label: labelOf(option), text: shown(set[option.name]) })),
		options: options.map(fieldOf),
	}));

const filled = (value: unknown) => value !== undefined && value !== null && value !== '';

const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/** `tolerance_m` in metres is "Tolerance, m". */
function labelOf(option: Parameter): string {
	const unit = option.type === 'number' && option.name.endsWith(`_${option.unit}`) ? option.unit : '';
	const words = option.name.slice(0, unit ? -unit.length - 1 : undefined).replaceAll('_', ' ');
	return words.charAt(0).toUpperCase() + words.slice(1) + (unit && `, ${unit}`);
}

/** A field of the form. A value may always be a template like `{{$trigger.key}}`, and so most are text. */
function fieldOf(option: Parameter): FormField {
	const { name, required, description } = option;
	return {
		field: name,
		name: labelOf(option),
		type: option.type === 'json' ? 'json' : 'string',
		meta: { required, note: noteOf(option, description), width: option.type === 'json' ? 'full' : 'half', ...interfaceOf(option) },
		schema: { default_value: option.default ?? null },
	};
}

function interfaceOf(option: Parameter): Pick<NonNullable<FormField['meta']>, 'interface' | 'options'> {
	switch (option.type) {
		case 'choice':
			return { interface: 'select-dropdown', options: { choices: option.of.map((value) => ({ text: value, value })), allowOther: true } };
		case 'boolean':
			return { interface: 'select-dropdown', options: { choices: ['true', 'false'].map((value) => ({ text: value, value })), allowOther: true } };
		case 'json':
			return { interface: 'input-code', options: { language: 'json', template: option.default ?? '' } };
		default:
			return { interface: 'input', options: { placeholder: option.type === 'uuid' ? '{{$trigger.key}}' : (option.default ?? '') } };
	}
}

function noteOf(option: Parameter, description: string): string {
	switch (option.type) {
		case 'integer':
			return `${description} ${option.min} to ${option.max}.`;
		case 'number':
			return `${description} ${option.min} to ${option.max} ${option.unit}.`;
		case 'time':
			return `${description} RFC 3339, e.g. 2026-05-01T09:30:00Z.`;
		default:
			return description;
	}
}
