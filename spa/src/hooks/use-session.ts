import { readMe } from '@directus/sdk';
import { useCallback, useEffect, useMemo, useState } from 'react';

import { forgetSession, hasSession, openDirectus, type Directus } from '../directus/client.ts';
import { codeOf } from '../directus/refusal.ts';

export interface Session {
	directus: Directus;
	signedIn: boolean;
	/** Who, as people call them; nothing before Directus has said it. */
	user: string | null;
	/** Why one has to sign in again. */
	notice: string | null;
	signIn(email: string, password: string): Promise<void>;
	signOut(): Promise<void>;
}

export function useSession(url: string): Session {
	const [signedIn, setSignedIn] = useState(hasSession);
	const [user, setUser] = useState<string | null>(null);
	const [notice, setNotice] = useState<string | null>(null);

	const leave = useCallback((why: string | null) => {
		forgetSession();
		setSignedIn(false);
		setUser(null);
		setNotice(why);
	}, []);

	const directus = useMemo(() => openDirectus(url, () => leave('Your session has ended. Please sign in again.')), [url, leave]);

	useEffect(() => {
		if (!signedIn) return;
		let current = true;
		directus.request(readMe({ fields: ['first_name', 'last_name', 'email'] })).then(
			(me) => {
				const name = [me['first_name'], me['last_name']].filter(Boolean).join(' ') || (me['email'] as string | null);
				if (current) setUser(name);
			},
			(error: unknown) => {
				// Away is another matter: then each page says so.
				if (current && codeOf(error) === 'INVALID_CREDENTIALS') leave('Your session has ended. Please sign in again.');
			},
		);
		return () => {
			current = false;
		};
	}, [directus, signedIn, leave]);

	// Signing out in one tab is signing out in all.
	useEffect(() => {
		const follow = (): void => setSignedIn(hasSession());
		addEventListener('storage', follow);
		return () => removeEventListener('storage', follow);
	}, []);

	const signIn = useCallback(
		async (email: string, password: string) => {
			await directus.login({ email, password });
			setNotice(null);
			setSignedIn(true);
		},
		[directus],
	);

	const signOut = useCallback(async () => {
		// The tokens are forgotten here even if Directus can't be told.
		await directus.logout().catch(() => undefined);
		directus.stopRefreshing();
		leave(null);
	}, [directus, leave]);

	return { directus, signedIn, user, notice, signIn, signOut };
}
