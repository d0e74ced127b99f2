import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';

import type { Stack } from './directus.ts';

export interface Credentials {
	email: string;
	password: string;
}

/** Somebody who asks Directus over REST. */
export class Api {
	private readonly url: string;
	private readonly token: string;

	private constructor(url: string, token: string) {
		this.url = url;
		this.token = token;
	}

	/** The administrator, unless somebody else is named. */
	static async logIn(stack: Stack, { email, password }: Credentials = stack): Promise<Api> {
		const answer = await fetch(`${stack.url}/auth/login`, {
			method: 'POST',
			headers: { 'Content-Type': 'application/json' },
			body: JSON.stringify({ email, password }),
		});
		assert.ok(answer.ok, `${email} logs in: ${answer.status}`);
		return new Api(stack.url, ((await answer.json()) as { data: { access_token: string } }).data.access_token);
	}

	async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
		const answer = await fetch(`${this.url}${path}`, {
			method,
			headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${this.token}` },
			...(body !== undefined && { body: JSON.stringify(body) }),
		});
		assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? '' : await answer.text()}`);
		return answer.status === 204 ? (undefined as T) : ((await answer.json()) as { data: T }).data;
	}

	/** Makes an item. */
	async create<T = { id: string }>(collection: string, item: object): Promise<T> {
		return this.ask('POST', `/items/${collection}`, item);
	}
}

/** An organization of a test's own, and people who belong to it. */
export class Organization {
	readonly id: string;
	readonly name: string;
	private readonly admin: Api;

	private constructor(admin: Api, id: string, name: string) {
		this.admin = admin;
		this.id = id;
		this.name = name;
	}

	static async make(admin: Api, name: string): Promise<Organization> {
		const { id } = await admin.create('organizations', { name, slug: randomUUID(), status: 'active' });
		return new Organization(admin, id, name);
	}

	/** Somebody with this role, in Directus and in the organization. */
	async person(role: 'viewer' | 'operator' | 'manager'): Promise<Credentials> {
		const roles = await this.admin.ask<{ id: string; name: string }[]>('GET', '/roles?fields=id,name&limit=-1');
		const found = roles.find(({ name }) => name.toLowerCase() === role);
		assert.ok(found, `a role ${role}`);
		const credentials = { email: `${role}-${randomUUID()}@example.com`, password: randomUUID() };
		const { id } = await this.admin.ask<{ id: string }>('POST', '/users', { ...credentials, role: found.id, status: 'active' });
		await this.create('organization_members', { user: id, role });
		return credentials;
	}

	/** Makes an item that belongs to it. */
	create<T = { id: string }>(collection: string, item: object): Promise<T> {
		return this.admin.create(collection, { organization: this.id, ...item });
	}

	/** Its events are over: a panel for which nobody chose an event shows another one. */
	async finish(): Promise<void> {
		const running = await this.admin.ask<{ id: string }[]>('GET', `/items/events?fields=id&filter[organization][_eq]=${this.id}&filter[status][_eq]=running`);
		for (const { id } of running) await this.admin.ask('PATCH', `/items/events/${id}`, { status: 'finished' });
	}

	/** A tracker. */
	device(item: object = {}): Promise<{ id: string; imei: string }> {
		return this.create('devices', { name: 'Tracker', imei: anyImei(), protocol: 'teltonika', status: 'active', ...item });
	}
}

/** One that no other test has, with its check digit (Luhn). */
export function anyImei(): string {
	const digits = `86${String(randomInt(1e12)).padStart(12, '0')}`;
	const sum = [...digits].reduce((total, digit, place) => {
		const doubled = place % 2 === 1 ? Number(digit) * 2 : Number(digit);
		return total + (doubled > 9 ? doubled - 9 : doubled);
	}, 0);
	return `${digits}${(10 - (sum % 10)) % 10}`;
}
