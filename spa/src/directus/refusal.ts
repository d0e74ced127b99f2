/** As the SDK throws what Directus answers. */
interface DirectusRefusal {
	errors: { message: string; extensions?: { code?: string } }[];
}

const isRefusal = (error: unknown): error is DirectusRefusal =>
	typeof error === 'object' && error !== null && Array.isArray((error as DirectusRefusal).errors) && (error as DirectusRefusal).errors.length > 0;

export const codeOf = (error: unknown): string | null => (isRefusal(error) ? (error.errors[0]!.extensions?.code ?? null) : null);

/** A clause as a sentence. */
export const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');

const AWAY = 'Directus does not answer. Is there a network, and is the server up?';

/** Why something was not done, for people. */
export function reasonOf(error: unknown): string {
	if (isRefusal(error)) {
		switch (codeOf(error)) {
			case 'FORBIDDEN':
				return 'This does not exist, or your role may not see it.';
			case 'REQUESTS_EXCEEDED':
				return 'Too many requests. Wait a minute, then try again.';
			case 'SERVICE_UNAVAILABLE':
			case 'UNDER_PRESSURE':
				return 'Directus is there, but busy or not ready. Try again in a moment.';
			default:
				return sentence(error.errors[0]!.message);
		}
	}
	// `fetch` says no more than that.
	if (error instanceof TypeError) return AWAY;
	return error instanceof Error && error.message ? sentence(error.message) : AWAY;
}

/** Why somebody was not let in. */
export function loginRefusal(error: unknown): string {
	switch (codeOf(error)) {
		case 'INVALID_CREDENTIALS':
		case 'INVALID_PAYLOAD':
			return 'The e-mail address or the password is wrong.';
		case 'INVALID_OTP':
			return 'This account asks for a one-time password, which this page can’t take.';
		case 'USER_SUSPENDED':
			return 'This account is suspended. Ask your administrator.';
		default:
			return reasonOf(error);
	}
}
