import type { AxiosInstance } from 'axios';

import { search } from '../shared/app/answers.ts';
import type { Item } from '../shared/fields.ts';
import { KEY, type Kind } from './columns.ts';

/** Where the rows are to go. */
export interface Place {
	organization: string;
	/** Of entries. */
	event: string | null;
}

export interface Device {
	id: string;
	name: string;
	imei: string;
	organization: string;
}

/** An item with its references as keys. */
export type Stored = Item & { id: string; organization: string; device_name?: string };

const FIELDS: Record<Kind, string[]> = {
	entries: ['id', 'organization', 'number', 'device.id', 'device.name', 'name', 'category', 'status', 'color'],
	devices: ['id', 'organization', 'imei', 'name', 'protocol', 'model', 'status', 'notes'],
};

/** What is there already, as the user may see it, of some rows. */
export class Existing {
	private readonly api: AxiosInstance;
	private readonly kind: Kind;
	private readonly place: Place;

	constructor(api: AxiosInstance, kind: Kind, place: Place) {
		this.api = api;
		this.kind = kind;
		this.place = place;
	}

	/** The items that have these keys: entries of the event by number, devices by IMEI, whosever they are. */
	async byKey(keys: string[]): Promise<Map<string, Stored>> {
		if (keys.length === 0) return new Map();
		const { kind, place } = this;
		const filter =
			kind === 'devices' ? { imei: { _in: keys } } : { _and: [{ event: { _eq: place.event } }, { number: { _in: keys } }] };
		const found = await search<Stored>(this.api, kind, { filter, fields: FIELDS[kind] });
		return new Map(found.map((item) => {
			const device = item['device'] as Pick<Device, 'id' | 'name'> | null | undefined;
			const flat = device ? { ...item, device: device.id, device_name: device.name } : item;
			return [String(item[KEY[kind]]), flat];
		}));
	}

	/** The organization's devices that are called so, by IMEI or by name. */
	async devices(cells: string[]): Promise<DeviceNames> {
		return devicesCalled(this.api, this.place.organization, cells);
	}
}

export async function devicesCalled(api: AxiosInstance, organization: string, cells: string[]): Promise<DeviceNames> {
	const names = [...new Set(cells)];
	if (names.length === 0) return new DeviceNames([]);
	const called = { _or: [{ imei: { _in: names } }, { name: { _in: names } }] };
	const filter = { _and: [{ organization: { _eq: organization } }, called] };
	return new DeviceNames(await search<Device>(api, 'devices', { filter, fields: ['id', 'name', 'imei', 'organization'] }));
}

/** Devices by what people call them. */
export class DeviceNames {
	private readonly byImei = new Map<string, Device>();
	private readonly byName = new Map<string, Device[]>();

	constructor(devices: Device[]) {
		for (const device of devices) {
			this.byImei.set(device.imei, device);
			this.byName.set(device.name, [...(this.byName.get(device.name) ?? []), device]);
		}
	}

	/** All that a cell may mean: an IMEI is one device's, a name may be that of several. */
	called(cell: string): Device[] {
		const device = this.byImei.get(cell);
		return device ? [device] : (this.byName.get(cell) ?? []);
	}
}
