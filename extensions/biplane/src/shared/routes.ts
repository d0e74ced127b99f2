import type { Accountability } from '@directus/types';
import type { NextFunction, Request, RequestHandler, Response } from 'express';

import { hostError } from './errors.ts';

/** What Directus adds to a request before an extension sees it. */
export interface DirectusRequest extends Request {
	token: string | null;
	accountability: Accountability | null;
}

/** A route for people who are logged in: never for the public or for shares. Its errors go to Directus's own handler. */
export function forUsers(answer: (request: DirectusRequest, response: Response) => unknown): RequestHandler {
	return (request: Request, response: Response, next: NextFunction) => {
		const directusRequest = request as DirectusRequest;
		Promise.resolve()
			.then(() => {
				const { accountability } = directusRequest;
				if (accountability?.share) throw hostError('LIVE_FORBIDDEN', 'Shares have no access here.');
				if (!accountability?.user) throw hostError('LIVE_UNAUTHORIZED', 'Log in to Directus first.');
				return answer(directusRequest, response);
			})
			.catch(next);
	};
}
