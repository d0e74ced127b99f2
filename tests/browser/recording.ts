import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';

import { checksum, gatewayFromEnvironment } from './tracker.ts';
import { until } from './until.ts';

/** A fix, as a tracker has it. */
export interface Sent {
	/** Event time, milliseconds since the Unix epoch. */
	ms: number;
	lat: number;
	lon: number;
	altitudeM: number;
	/** Whole km/h: the protocol has no finer ones. */
	speedKmh: number;
	satellites: number;
}

/** Records of a frame. */
const TOGETHER = 25;
/** Codec 8 (https://wiki.teltonika-gps.com/view/Codec). */
const CODEC = 8;

function record({ ms, lat, lon, altitudeM, speedKmh, satellites }: Sent): Buffer {
	// Priority, course and IO elements are zero.
	const bytes = Buffer.alloc(30);
	bytes.writeBigUInt64BE(BigInt(ms), 0);
	bytes.writeInt32BE(Math.round(lon * 1e7), 9);
	bytes.writeInt32BE(Math.round(lat * 1e7), 13);
	bytes.writeInt16BE(Math.round(altitudeM), 17);
	bytes.writeUInt8(satellites, 21);
	bytes.writeUInt16BE(Math.round(speedKmh), 22);
	return bytes;
}

function frame(fixes: Sent[]): Buffer {
	const data = Buffer.concat([Buffer.of(CODEC, fixes.length), ...fixes.map(record), Buffer.of(fixes.length)]);
	const [head, tail] = [Buffer.alloc(8), Buffer.alloc(4)];
	head.writeUInt32BE(data.length, 4);
	tail.writeUInt32BE(checksum(data));
	return Buffer.concat([head, data, tail]);
}

/** Sends fixes as a real tracker would, each frame acknowledged. A gateway learns of new devices within seconds. */
export async function send(imei: string, fixes: Sent[]): Promise<void> {
	const greeting = Buffer.concat([Buffer.of(0, imei.length), Buffer.from(imei)]);
	const gateway = gatewayFromEnvironment();
	assert.ok(gateway, 'BIPLANE_STACK names the description of a running stack');
	const opened = await until('the gateway lets the tracker in', async () => {
		const socket = connect(gateway);
		const answer = await exchange(socket, greeting, 1).catch(() => null);
		if (answer?.[0] === 1) return socket;
		socket.destroy();
		return null;
	}, (socket) => socket !== null);
	for (let at = 0; at < fixes.length; at += TOGETHER) {
		const part = fixes.slice(at, at + TOGETHER);
		assert.equal((await exchange(opened!, frame(part), 4)).readUInt32BE(), part.length);
	}
	opened!.destroy();
}

/** Writes, and reads an answer of this many bytes. */
function exchange(socket: Socket, bytes: Buffer, length: number): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		let heard = Buffer.alloc(0);
		const done = (settle: () => void): void => {
			socket.off('data', hear).off('error', fail).off('close', closed);
			settle();
		};
		const hear = (more: Buffer): void => {
			heard = Buffer.concat([heard, more]);
			if (heard.length >= length) done(() => resolve(heard));
		};
		const fail = (error: Error): void => done(() => reject(error));
		const closed = (): void => done(() => reject(new Error('the gateway hung up')));
		socket.on('data', hear).on('error', fail).on('close', closed);
		socket.write(bytes);
	});
}
