import { useRef, useState, type FormEvent } from 'react';

import { loginRefusal } from '../directus/refusal.ts';
import type { Session } from '../hooks/use-session.ts';
import { Mark } from '../parts/mark.tsx';

export function LoginPage({ session, server }: { session: Session; server: string }) {
	const [refusal, setRefusal] = useState<string | null>(null);
	const [busy, setBusy] = useState(false);
	const password = useRef<HTMLInputElement>(null);

	async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
		event.preventDefault();
		const form = new FormData(event.currentTarget);
		setBusy(true);
		setRefusal(null);
		try {
			await session.signIn(String(form.get('email')).trim(), String(form.get('password')));
		} catch (error) {
			setRefusal(loginRefusal(error));
			setBusy(false);
			password.current?.select();
		}
	}

	const said = refusal ?? session.notice;
	return (
		<main className="login">
			<form className="login-card" onSubmit={(event) => void submit(event)} aria-describedby={said ? 'login-said' : undefined}>
				<Mark />
				<h1>Sign in</h1>
				<p className="quiet">Live tracking and results, at {new URL(server).host}</p>
				<label>
					<span>E-mail</span>
					<input name="email" type="email" autoComplete="username" required autoFocus />
				</label>
				<label>
					<span>Password</span>
					<input ref={password} name="password" type="password" autoComplete="current-password" required />
				</label>
				<p id="login-said" className="refusal" role="alert">
					{said}
				</p>
				<button className="primary" type="submit" disabled={busy}>
					{busy ? 'Signing in …' : 'Sign in'}
				</button>
			</form>
		</main>
	);
}
