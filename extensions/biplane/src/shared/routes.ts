import { ForbiddenError } from '@directus/errors';
import type { Accountability } from '@directus/types';
import type { NextFunction, Request, RequestHandler, Response } from 'express';

import { hostError } from './errors.ts';

/** What Directus adds to a request before an extension sees it. */
export interface DirectusRequest extends Request {
	token: string | null;
	accountability: Accountability | null;
}

type Answer = (request: DirectusRequest, response: Response) => unknown;

/** A route for people who are logged in: never for the public or for shares. */
export const forUsers = (answer: Answer): RequestHandler =>
	forAnyone((request, response) => {
		const { accountability } = request;
		if (accountability?.share) throw hostError('LIVE_FORBIDDEN', 'Shares have no access here.');
		if (!accountability?.user) throw hostError('LIVE_UNAUTHORIZED', 'Log in to Directus first.');
		return answer(request, response);
	});

/** A route for administrators. */
export const forAdministrators = (answer: Answer): RequestHandler =>
	forAnyone((request, response) => {
		if (request.accountability?.admin !== true) throw new ForbiddenError();
		return answer(request, response);
	});

/** A route for the public too. Its errors go to Directus's own handler. */
export function forAnyone(answer: Answer): RequestHandler {
	return (request: Request, response: Response, next: NextFunction) => {
		Promise.resolve()
			.then(() => answer(request as DirectusRequest, response))
			.catch(next);
	};
}
