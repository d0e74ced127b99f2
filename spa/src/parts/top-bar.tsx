import type { ReactNode } from 'react';

import type { Session } from '../hooks/use-session.ts';
import { Mark } from './mark.tsx';

interface Props {
	session: Session;
	/** Where the sign leads; nowhere on the first page. */
	back?: string;
	children: ReactNode;
	badges: ReactNode;
}

export const TopBar = ({ session, back, children, badges }: Props) => (
	<header className="top-bar">
		{back ? (
			<a className="home" href={back} aria-label="All events">
				<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
					<path d="M15 5l-7 7 7 7" fill="none" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" strokeLinejoin="round" />
				</svg>
			</a>
		) : (
			<span className="home">
				<Mark />
			</span>
		)}
		<div className="top-title">{children}</div>
		<div className="badges">{badges}</div>
		<button className="plain sign-out" type="button" title={session.user ? `Signed in as ${session.user}` : undefined} onClick={() => void session.signOut()}>
			Sign out
		</button>
	</header>
);
