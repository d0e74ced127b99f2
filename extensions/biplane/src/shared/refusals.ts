/** The sentence for a failed request, as Directus or the browser gives it. */
export function reasonOf(error: unknown): string {
	const { response, message } = (error ?? {}) as {
		response?: { status: number; data?: { errors?: { message?: string }[] } };
		message?: string;
	};
	const told = response?.data?.errors?.[0]?.message;
	if (response?.status === 403) return told ?? 'Your role may not read this.';
	if (told) return told;
	if (response) return `Directus answered ${response.status}.`;
	return message === 'Network Error' ? 'Directus does not answer.' : (message ?? 'Unknown error.');
}

export const isForbidden = (error: unknown): boolean => (error as { response?: { status: number } }).response?.status === 403;
