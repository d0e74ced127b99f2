import { useEffect, useRef, useState } from 'react';

import type { LiveMap, MapTexts, Scene } from '../../../extensions/biplane/src/live-map-panel/map.ts';
import type { Checkpoint } from '../directus/schema.ts';
import { useDark } from '../hooks/use-dark.ts';
import type { LiveRace } from '../race/live-race.ts';
import { DARK, LIGHT } from '../race/map-palette.ts';

const TRAIL_MS = 600_000;
const LAYERS: Scene['layers'] = ['trails', 'course', 'numbers'];
const TEXTS: MapTexts = {
	map: 'Map of the event. The list beside it has the same competitors as text.',
	roles: { start: 'Start', turnpoint: 'Turnpoint', finish: 'Finish', zone: 'Zone' },
	controls: {},
};

interface Props {
	live: LiveRace;
	checkpoints: Checkpoint[];
	/** The entry whose detail is open. */
	selected: string | null;
	/** The entry that is kept in the middle. */
	followed: string | null;
	onPick: (entry: string) => void;
	/** The user moved the map. */
	onMoved: () => void;
}

export function RaceMap({ live, checkpoints, selected, followed, onPick, onMoved }: Props) {
	const container = useRef<HTMLDivElement>(null);
	const [map, setMap] = useState<LiveMap | null>(null);
	const [drawn, setDrawn] = useState(false);
	const [failure, setFailure] = useState<string | null>(null);
	const palette = useDark() ? DARK : LIGHT;
	const now = useRef({ live, checkpoints, selected, followed, palette, onPick, onMoved });
	now.current = { live, checkpoints, selected, followed, palette, onPick, onMoved };

	useEffect(() => {
		let current = true;
		let opened: LiveMap | undefined;
		void (async () => {
			// Half a megabyte of map, loaded while the event is read.
			const { LiveMap } = await import('../../../extensions/biplane/src/live-map-panel/map.ts');
			if (!current || !container.current) return;
			const { live, checkpoints, selected, followed, palette } = now.current;
			const scene: Scene = {
				field: live.field,
				clock: () => performance.now(),
				checkpoints,
				fences: [],
				palette,
				tiles: null,
				layers: LAYERS,
				trailMs: TRAIL_MS,
				selected,
				followed,
				covered: { top: 0, left: 0 },
			};
			opened = await LiveMap.open(container.current, scene, TEXTS, {
				pick: ({ competitor }) => now.current.onPick(competitor.entry.id),
				hover: () => undefined,
				moved: () => now.current.onMoved(),
				drawn: () => setDrawn(true),
				failed: setFailure,
			});
			if (current) setMap(opened);
			else opened.close();
		})().catch((error: Error) => current && setFailure(error.message));
		return () => {
			current = false;
			setMap(null);
			opened?.close();
		};
	}, []);

	useEffect(() => {
		map?.update({ field: live.field });
		return live.watchPositions(() => map?.touch());
	}, [map, live]);
	const course = JSON.stringify(checkpoints);
	useEffect(() => map?.update({ checkpoints: now.current.checkpoints }), [map, course]);
	const drawnIn = useRef(palette);
	useEffect(() => {
		if (!map || drawnIn.current === palette) return;
		drawnIn.current = palette;
		map.update({ palette });
	}, [map, palette]);
	useEffect(() => map?.update({ selected }), [map, selected]);
	useEffect(() => {
		map?.update({ followed });
		if (followed) map?.goTo(followed);
	}, [map, followed]);

	/** Looking at more than one competitor is following none. */
	const look = (to: (map: LiveMap) => void): void => {
		onMoved();
		if (!map) return;
		map.update({ followed: null });
		to(map);
	};

	return (
		<section className="map" aria-label="Map" data-map={failure ? 'failed' : drawn ? 'drawn' : 'drawing'}>
			<div className="map-canvas" ref={container} />
			{failure && <p className="map-failure refusal">{failure}</p>}
			<div className="map-buttons">
				<button type="button" onClick={() => look((map) => map.showCourse())}>
					Course
				</button>
				<button type="button" onClick={() => look((map) => map.showAll())}>
					Everyone
				</button>
			</div>
		</section>
	);
}
