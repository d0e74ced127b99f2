import type { Config } from './config.ts';
import { Business, useBusinessChannel } from './hooks/use-business.ts';
import { useSession, type Session } from './hooks/use-session.ts';
import { EventListPage } from './pages/event-list-page.tsx';
import { EventPage } from './pages/event-page.tsx';
import { LoginPage } from './pages/login-page.tsx';
import { useRoute } from './route.ts';

export function App({ config }: { config: Config }) {
	const session = useSession(config.directus);
	return session.signedIn ? <Inside config={config} session={session} /> : <LoginPage session={session} server={config.directus} />;
}

function Inside({ config, session }: { config: Config; session: Session }) {
	const route = useRoute();
	const channel = useBusinessChannel(config.directus, session.directus);
	return (
		<Business value={channel}>
			{route.page === 'event' ? (
				<EventPage key={route.event} session={session} event={route.event} selected={route.entry} />
			) : (
				<EventListPage session={session} />
			)}
		</Business>
	);
}
