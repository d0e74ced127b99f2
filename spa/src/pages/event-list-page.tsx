import { readItems } from '@directus/sdk';
import { useEffect } from 'react';

import { reasonOf } from '../directus/refusal.ts';
import type { RaceEvent } from '../directus/schema.ts';
import { eventClock, span } from '../format.ts';
import { useBusinessState, useChanges } from '../hooks/use-business.ts';
import { useResource } from '../hooks/use-resource.ts';
import type { Session } from '../hooks/use-session.ts';
import { ChannelBadge } from '../parts/channel-badge.tsx';
import { TopBar } from '../parts/top-bar.tsx';
import { eventGroups } from '../race/event-groups.ts';
import { EVENT_FIELDS } from '../race/read-race.ts';
import { eventPath } from '../route.ts';

export function EventListPage({ session }: { session: Session }) {
	const events = useResource(
		'events',
		() => session.directus.request(readItems('events', { fields: [...EVENT_FIELDS], sort: ['-starts_at'], limit: -1 })) as Promise<RaceEvent[]>,
	);
	useChanges('events', { fields: ['id'], limit: 1 }, events.reload);
	const channel = useBusinessState();
	useEffect(() => void (document.title = 'Events · Biplane'), []);
	const groups = eventGroups(events.data ?? []);

	return (
		<div className="page">
			<TopBar session={session} badges={<ChannelBadge channel="directus" label="Records" state={channel} />}>
				<span className="product">Biplane</span>
			</TopBar>
			<main className="event-list">
				<h1>Events</h1>
				{events.error !== null && (
					<p className="refusal" role="alert">
						{reasonOf(events.error)}{' '}
						<button className="plain" type="button" onClick={events.reload}>
							Try again
						</button>
					</p>
				)}
				{!events.data && events.loading && <p className="quiet">Reading the events …</p>}
				{events.data && groups.length === 0 && (
					<div className="empty">
						<p>
							<strong>No event yet.</strong>
						</p>
						<p>Events that are scheduled, running or finished appear here, as soon as you may see them.</p>
					</div>
				)}
				{groups.map((group) => (
					<section key={group.name} aria-labelledby={`group-${group.name}`}>
						<h2 id={`group-${group.name}`}>{group.name}</h2>
						<ul>
							{group.events.map((event) => (
								<EventCard key={event.id} event={event} running={group.name === 'Running'} />
							))}
						</ul>
					</section>
				))}
			</main>
		</div>
	);
}

function EventCard({ event, running }: { event: RaceEvent; running: boolean }) {
	const clock = eventClock(event.timezone);
	const starts = event.starts_at ? Date.parse(event.starts_at) : null;
	const ends = event.ends_at ? Date.parse(event.ends_at) : null;
	return (
		<li>
			<a className="event-card" href={eventPath(event.id)} data-event={event.id} data-status={event.status}>
				<strong>{event.name}</strong>
				{event.description && <span className="event-text">{event.description}</span>}
				<span className="event-when">
					{running && <span className="running">Live now</span>}
					{starts === null ? (
						'No date yet'
					) : (
						<>
							<time dateTime={event.starts_at!}>{clock.day(starts)}</time>
							<span>
								{span(clock, starts, ends)} {clock.zone(starts)}
							</span>
						</>
					)}
				</span>
			</a>
		</li>
	);
}
