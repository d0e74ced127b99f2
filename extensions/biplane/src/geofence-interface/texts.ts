import { inLanguage } from '../shared/app/words.ts';
import type { Kind } from './shape.ts';
import type { Repairs } from './verdict.ts';

export interface Texts {
	kinds: Record<Kind, string>;
	chooseKind: string;
	draw: Record<Kind, string>;
	hole: string;
	finish: string;
	undo: string;
	redo: string;
	remove: (vertex: number) => string;
	turnRound: string;
	clear: string;
	show: string;
	import: string;
	/** What to do next on the map. */
	hints: Record<Kind, string> & { rim: string; next: string; edit: string; editCircle: string };
	radius: string;
	area: string;
	perimeter: string;
	circumference: string;
	length: string;
	forward: string;
	valid: string;
	repairs: (repairs: Repairs) => string;
	unknown: string;
	loading: string;
	noMap: string;
	mapLabel: string;
	table: {
		title: (count: number) => string;
		exterior: string;
		exteriorOf: (polygon: number) => string;
		hole: (hole: number) => string;
		line: string;
		centre: string;
		longitude: string;
		latitude: string;
		vertex: string;
		add: string;
		added: (what: string) => string;
		insert: (vertex: number) => string;
		remove: (vertex: number) => string;
		page: (from: number, to: number, of: number) => string;
		previous: string;
		next: string;
	};
	importing: {
		title: string;
		file: string;
		paste: string;
		found: string;
		none: string;
		tooLarge: (mib: number) => string;
		tooMany: (count: number) => string;
		unread: (why: string) => string;
		unnamed: Record<'polygon' | 'point' | 'line', string>;
		positions: (count: number) => string;
		simplify: string;
		as: Record<Kind, string>;
		altitudes: string;
		cancel: string;
	};
}

const en: Texts = {
	kinds: { polygon: 'Polygon', circle: 'Circle', gate: 'Gate' },
	chooseKind: 'What shall it be?',
	draw: { polygon: 'Draw polygon', circle: 'Draw circle', gate: 'Draw gate' },
	hole: 'Cut a hole',
	finish: 'Finish drawing',
	undo: 'Undo',
	redo: 'Redo',
	remove: (vertex) => `Remove vertex ${vertex}`,
	turnRound: 'Turn the gate round',
	clear: 'Remove the shape',
	show: 'Show the whole shape',
	import: 'Import',
	hints: {
		polygon: 'Click on the map for the first vertex.',
		circle: 'Click on the map for the centre.',
		gate: 'Click on the map for the beginning of the line.',
		rim: 'Click where the rim shall be, or type the radius.',
		next: 'Click for the next vertex; double-click, or Enter, for the last.',
		edit: 'Drag vertices, or the dots between them for new ones. Delete removes the chosen one.',
		editCircle: 'Drag the centre, or the rim.',
	},
	radius: 'Radius, m',
	area: 'Area',
	perimeter: 'Perimeter',
	circumference: 'Circumference',
	length: 'Length',
	forward: 'With the arrows is to enter, against them to exit.',
	valid: 'The rules have no objection.',
	repairs: ({ repeated, turned }) =>
		[
			repeated > 0 && `${repeated === 1 ? 'One position repeats' : `${repeated} positions repeat`} the one before and will be left out.`,
			turned > 0 && `${turned === 1 ? 'One ring' : `${turned} rings`} will be stored the other way round, as GeoJSON asks; nothing moves.`,
		].filter(Boolean).join(' '),
	unknown: 'The rules could not be loaded here; Directus judges when you save.',
	loading: 'Opening the map…',
	noMap: 'Edit the vertices in the table below.',
	mapLabel: 'Map of the geofence. The table below it has the same vertices as text.',
	table: {
		title: (count) => `Vertices (${count})`,
		exterior: 'Exterior',
		exteriorOf: (polygon) => `Polygon ${polygon}: exterior`,
		hole: (hole) => `Hole ${hole}`,
		line: 'Line',
		centre: 'Centre',
		longitude: 'Longitude, °',
		latitude: 'Latitude, °',
		vertex: 'Vertex',
		add: 'Add',
		added: (what) => `New in: ${what}`,
		insert: (vertex) => `Insert after ${vertex}`,
		remove: (vertex) => `Remove ${vertex}`,
		page: (from, to, of) => `${from}–${to} of ${of}`,
		previous: 'Previous vertices',
		next: 'Next vertices',
	},
	importing: {
		title: 'Import a shape',
		file: 'A GeoJSON or GPX file',
		paste: 'or its text',
		found: 'What it holds',
		none: 'It holds no point, line or polygon.',
		tooLarge: (mib) => `It is larger than ${mib} MiB.`,
		tooMany: (count) => `Only the first ${count} are shown.`,
		unread: (why) => `It is neither GeoJSON nor GPX: ${why}`,
		unnamed: { polygon: 'Polygon', point: 'Point', line: 'Line' },
		positions: (count) => `${count} ${count === 1 ? 'position' : 'positions'}`,
		simplify: 'Leave out what is nearer to the line than (metres)',
		as: { polygon: 'Take as polygon', circle: 'Take as centre', gate: 'Take as gate' },
		altitudes: 'Altitudes are left out: geofences are flat.',
		cancel: 'Cancel',
	},
};

const de: Texts = {
	kinds: { polygon: 'Polygon', circle: 'Kreis', gate: 'Tor' },
	chooseKind: 'Was soll es werden?',
	draw: { polygon: 'Polygon zeichnen', circle: 'Kreis zeichnen', gate: 'Tor zeichnen' },
	hole: 'Loch ausschneiden',
	finish: 'Zeichnen beenden',
	undo: 'Rückgängig',
	redo: 'Wiederholen',
	remove: (vertex) => `Eckpunkt ${vertex} entfernen`,
	turnRound: 'Tor umdrehen',
	clear: 'Form entfernen',
	show: 'Die ganze Form zeigen',
	import: 'Importieren',
	hints: {
		polygon: 'Für den ersten Eckpunkt auf die Karte klicken.',
		circle: 'Für den Mittelpunkt auf die Karte klicken.',
		gate: 'Für den Anfang der Linie auf die Karte klicken.',
		rim: 'Dorthin klicken, wo der Rand sein soll, oder den Radius eingeben.',
		next: 'Für den nächsten Eckpunkt klicken; für den letzten doppelt, oder Eingabetaste.',
		edit: 'Eckpunkte ziehen, oder für neue die Punkte dazwischen. Entf entfernt den gewählten.',
		editCircle: 'Mittelpunkt oder Rand ziehen.',
	},
	radius: 'Radius, m',
	area: 'Fläche',
	perimeter: 'Umfang',
	circumference: 'Umfang',
	length: 'Länge',
	forward: 'Mit den Pfeilen ist hinein, gegen sie hinaus.',
	valid: 'Die Regeln haben nichts einzuwenden.',
	repairs: ({ repeated, turned }) =>
		[
			repeated > 0 && `Doppelte Positionen werden ausgelassen: ${repeated}.`,
			turned > 0 && `Andersherum gespeichert, wie GeoJSON es verlangt, werden Ringe: ${turned}; nichts verschiebt sich.`,
		].filter(Boolean).join(' '),
	unknown: 'Die Regeln konnten hier nicht geladen werden; Directus urteilt beim Speichern.',
	loading: 'Die Karte wird geöffnet…',
	noMap: 'Die Eckpunkte lassen sich in der Tabelle darunter bearbeiten.',
	mapLabel: 'Karte des Geozauns. Die Tabelle darunter hat dieselben Eckpunkte als Text.',
	table: {
		title: (count) => `Eckpunkte (${count})`,
		exterior: 'Außenring',
		exteriorOf: (polygon) => `Polygon ${polygon}: Außenring`,
		hole: (hole) => `Loch ${hole}`,
		line: 'Linie',
		centre: 'Mittelpunkt',
		longitude: 'Länge, °',
		latitude: 'Breite, °',
		vertex: 'Eckpunkt',
		add: 'Hinzufügen',
		added: (what) => `Neu in: ${what}`,
		insert: (vertex) => `Nach ${vertex} einfügen`,
		remove: (vertex) => `${vertex} entfernen`,
		page: (from, to, of) => `${from}–${to} von ${of}`,
		previous: 'Vorige Eckpunkte',
		next: 'Nächste Eckpunkte',
	},
	importing: {
		title: 'Form importieren',
		file: 'Eine GeoJSON- oder GPX-Datei',
		paste: 'oder ihr Text',
		found: 'Was darin ist',
		none: 'Darin ist kein Punkt, keine Linie und kein Polygon.',
		tooLarge: (mib) => `Das ist größer als ${mib} MiB.`,
		tooMany: (count) => `Gezeigt werden nur die ersten ${count}.`,
		unread: (why) => `Das ist weder GeoJSON noch GPX: ${why}`,
		unnamed: { polygon: 'Polygon', point: 'Punkt', line: 'Linie' },
		positions: (count) => `${count} ${count === 1 ? 'Position' : 'Positionen'}`,
		simplify: 'Auslassen, was der Linie näher ist als (Meter)',
		as: { polygon: 'Als Polygon übernehmen', circle: 'Als Mittelpunkt übernehmen', gate: 'Als Tor übernehmen' },
		altitudes: 'Höhen werden ausgelassen: Geozäune sind flach.',
		cancel: 'Abbrechen',
	},
};

const sl: Texts = {
	kinds: { polygon: 'Mnogokotnik', circle: 'Krog', gate: 'Vrata' },
	chooseKind: 'Kaj naj bo?',
	draw: { polygon: 'Nariši mnogokotnik', circle: 'Nariši krog', gate: 'Nariši vrata' },
	hole: 'Izreži luknjo',
	finish: 'Končaj risanje',
	undo: 'Razveljavi',
	redo: 'Uveljavi znova',
	remove: (vertex) => `Odstrani oglišče ${vertex}`,
	turnRound: 'Obrni vrata',
	clear: 'Odstrani obliko',
	show: 'Pokaži celo obliko',
	import: 'Uvozi',
	hints: {
		polygon: 'Za prvo oglišče klikni na zemljevid.',
		circle: 'Za središče klikni na zemljevid.',
		gate: 'Za začetek črte klikni na zemljevid.',
		rim: 'Klikni, kjer naj bo rob, ali vpiši polmer.',
		next: 'Za naslednje oglišče klikni; za zadnje dvoklikni ali pritisni Enter.',
		edit: 'Povleci oglišča, za nova pa pike med njimi. Delete odstrani izbrano.',
		editCircle: 'Povleci središče ali rob.',
	},
	radius: 'Polmer, m',
	area: 'Površina',
	perimeter: 'Obseg',
	circumference: 'Obseg',
	length: 'Dolžina',
	forward: 'V smeri puščic je vstop, proti njim izstop.',
	valid: 'Pravila nimajo pripomb.',
	repairs: ({ repeated, turned }) =>
		[
			repeated > 0 && `Ponovljeni položaji bodo izpuščeni: ${repeated}.`,
			turned > 0 && `Obroči, ki bodo shranjeni v nasprotni smeri, kot zahteva GeoJSON: ${turned}; nič se ne premakne.`,
		].filter(Boolean).join(' '),
	unknown: 'Pravil tukaj ni bilo mogoče naložiti; Directus presodi ob shranjevanju.',
	loading: 'Odpiram zemljevid …',
	noMap: 'Oglišča lahko urejaš v tabeli spodaj.',
	mapLabel: 'Zemljevid geoograje. Tabela pod njim ima ista oglišča kot besedilo.',
	table: {
		title: (count) => `Oglišča (${count})`,
		exterior: 'Zunanji obroč',
		exteriorOf: (polygon) => `Mnogokotnik ${polygon}: zunanji obroč`,
		hole: (hole) => `Luknja ${hole}`,
		line: 'Črta',
		centre: 'Središče',
		longitude: 'Dolžina, °',
		latitude: 'Širina, °',
		vertex: 'Oglišče',
		add: 'Dodaj',
		added: (what) => `Novo v: ${what}`,
		insert: (vertex) => `Vstavi za ${vertex}`,
		remove: (vertex) => `Odstrani ${vertex}`,
		page: (from, to, of) => `${from}–${to} od ${of}`,
		previous: 'Prejšnja oglišča',
		next: 'Naslednja oglišča',
	},
	importing: {
		title: 'Uvozi obliko',
		file: 'Datoteka GeoJSON ali GPX',
		paste: 'ali njeno besedilo',
		found: 'Kaj je v njej',
		none: 'V njej ni točke, črte ali mnogokotnika.',
		tooLarge: (mib) => `Večje je od ${mib} MiB.`,
		tooMany: (count) => `Prikazanih je samo prvih ${count}.`,
		unread: (why) => `To ni ne GeoJSON ne GPX: ${why}`,
		unnamed: { polygon: 'Mnogokotnik', point: 'Točka', line: 'Črta' },
		positions: (count) => `položajev: ${count}`,
		simplify: 'Izpusti, kar je črti bližje kot (metrov)',
		as: { polygon: 'Vzemi kot mnogokotnik', circle: 'Vzemi kot središče', gate: 'Vzemi kot vrata' },
		altitudes: 'Višine so izpuščene: geoograje so ravne.',
		cancel: 'Prekliči',
	},
};

export const textsIn = inLanguage<Texts>({ en, de, sl });
