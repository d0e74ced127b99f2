import type { Palette } from '../../../extensions/biplane/src/shared/map/palette.ts';

/** The map's colours: paper by day, slate by night, like the page around it. */
export const LIGHT: Palette = {
	dark: false,
	sea: '#c9d8e2',
	land: '#f1efe8',
	coast: '#93abbd',
	border: '#b3a9a6',
	grid: '#e0ddd3',
	gridLabel: '#8b8d8c',
	place: '#6d7276',
	placeHalo: '#f1efe8',
	mark: '#ffffff',
	label: '#161c22',
	labelHalo: '#ffffff',
	role: { start: '#16794b', turnpoint: '#2a5fc4', finish: '#b8312f', zone: '#86671a' },
};

export const DARK: Palette = {
	dark: true,
	sea: '#0b131a',
	land: '#172029',
	coast: '#35495a',
	border: '#4f4d57',
	grid: '#202b35',
	gridLabel: '#5c6d7d',
	place: '#8494a3',
	placeHalo: '#172029',
	mark: '#0b131a',
	label: '#f2f5f8',
	labelHalo: '#0b131a',
	role: { start: '#45c98d', turnpoint: '#79a6ff', finish: '#ff7a6b', zone: '#d3b04c' },
};
