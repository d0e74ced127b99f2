import { ForbiddenError } from '@directus/errors';
import type { Accountability, ApiExtensionContext, SchemaOverview } from '@directus/types';
import type { NextFunction, Request, RequestHandler, Response, Router } from 'express';

import type { Engine } from './engine.ts';
import { hostError } from './errors.ts';
import { runRule } from './host.ts';

type Context = Pick<ApiExtensionContext, 'services' | 'logger' | 'database'>;

/** What Directus adds to a request before an extension sees it. */
export interface DirectusRequest extends Request {
	token: string | null;
	accountability: Accountability | null;
	schema: SchemaOverview;
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

/** A route for each endpoint rule of the manifest. */
export function registerEndpoints(engine: Engine, router: Router, context: Context): void {
	for (const rule of engine.manifest.rules) {
		if (rule.kind !== 'endpoint') continue;
		const guard = rule.access === 'administrators' ? forAdministrators : forUsers;
		router[rule.method](rule.path.replaceAll(/\{(\w+)\}/g, ':$1'), guard(async (request, response) => {
			const { accountability, schema, params: path, query, body } = request;
			const caller = { database: context.database, schema, accountability };
			const payload = { path, query, body: rule.method === 'get' ? null : (body as unknown) };
			const { answer } = await runRule(engine, rule, { payload }, caller, context);
			response.set('Cache-Control', 'no-store');
			if (answer?.type !== 'text') return response.type('json').send(answer?.text ?? '{"data":null}');
			response.set(answer.headers ?? {}).set('Content-Disposition', `attachment; filename="${answer.file_name}"`);
			return response.type(answer.media_type).send(answer.text);
		}));
	}
}
