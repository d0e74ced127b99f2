import type { definePanel } from '@directus/extensions-sdk';

import type { Choice } from '../shared/app/choice.ts';
import type { Texts } from './texts.ts';

export const LAYERS = ['trails', 'course', 'fences', 'numbers', 'faulty'] as const;
export type Layer = (typeof LAYERS)[number];

/** What is shown unless a panel's settings say otherwise. */
export const DEFAULT_LAYERS: Layer[] = ['trails', 'course', 'numbers', 'faulty'];
export const DEFAULT_TRAIL_MINUTES = 10;

/** A panel's settings, as Directus keeps them. */
export interface Settings {
	what?: 'event' | 'organization' | null;
	event?: Choice;
	organization?: Choice;
	layers?: Layer[] | null;
	base?: 'built-in' | 'tiles' | null;
	trailMinutes?: number | null;
	list?: boolean | null;
}

type Form = Extract<Parameters<typeof definePanel>[0]['options'], unknown[]>;

/** The form in the panel's editor. */
export const settings = (texts: Texts['settings']): Form => [
	{
		field: 'what',
		name: texts.what,
		type: 'string',
		schema: { default_value: 'event' },
		meta: {
			interface: 'select-radio',
			width: 'full',
			options: {
				choices: [
					{ text: texts.event, value: 'event' },
					{ text: texts.organization, value: 'organization' },
				],
			},
		},
	},
	{
		field: 'event',
		name: texts.event,
		type: 'json',
		meta: {
			interface: 'collection-item-dropdown',
			width: 'full',
			options: { selectedCollection: 'events', template: '{{name}}' },
			note: texts.eventNote,
			conditions: [{ name: 'organization', rule: { what: { _eq: 'organization' } }, hidden: true }],
		},
	},
	{
		field: 'organization',
		name: texts.organization,
		type: 'json',
		meta: {
			interface: 'collection-item-dropdown',
			width: 'full',
			options: { selectedCollection: 'organizations', template: '{{name}}' },
			note: texts.organizationNote,
			hidden: true,
			conditions: [{ name: 'organization', rule: { what: { _eq: 'organization' } }, hidden: false }],
		},
	},
	{
		field: 'layers',
		name: texts.layers,
		type: 'json',
		schema: { default_value: DEFAULT_LAYERS },
		meta: {
			interface: 'select-multiple-checkbox',
			width: 'full',
			options: { choices: LAYERS.map((value) => ({ text: texts.layer[value], value })) },
		},
	},
	{
		field: 'base',
		name: texts.base,
		type: 'string',
		schema: { default_value: 'tiles' },
		meta: {
			interface: 'select-dropdown',
			width: 'half',
			options: {
				choices: [
					{ text: texts.tiles, value: 'tiles' },
					{ text: texts.builtIn, value: 'built-in' },
				],
			},
			note: texts.baseNote,
		},
	},
	{
		field: 'trailMinutes',
		name: texts.trail,
		type: 'integer',
		schema: { default_value: DEFAULT_TRAIL_MINUTES },
		meta: {
			interface: 'input',
			width: 'half',
			options: { min: 1, max: 240, iconRight: 'timer' },
			note: texts.trailNote,
		},
	},
	{
		field: 'list',
		name: texts.list,
		type: 'boolean',
		schema: { default_value: true },
		meta: { interface: 'boolean', width: 'half', options: { label: texts.listLabel } },
	},
];
