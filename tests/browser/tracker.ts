import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

const CODEC_8 = 0x08;
const CODEC_12 = 0x0c;
const COMMAND = 5;
const ANSWER = 6;

/** Where the gateway listens for Teltonika's trackers, as the running stack describes itself; `null` without one. */
export function gatewayFromEnvironment(): { host: string; port: number } | null {
	const file = process.env['BIPLANE_STACK'];
	if (!file) return null;
	const { teltonika } = JSON.parse(readFileSync(file, 'utf8')) as { teltonika: string };
	const { hostname, port } = new URL(`tcp://${teltonika}`);
	return { host: hostname, port: Number(port) };
}

/** A Teltonika tracker on a socket of its own: logs in, reports where it is, and answers what it is told. */
export class Tracker {
	/** The commands that it heard, in their order. */
	readonly heard: string[] = [];
	private readonly socket: Socket;
	private received = Buffer.alloc(0);
	private readonly answer: (command: string) => string | null;
	private isIn = false;

	private constructor(socket: Socket, answer: (command: string) => string | null) {
		this.socket = socket;
		this.answer = answer;
	}

	/** Logged in; `answer` says what it answers to a command, `null`: nothing. */
	static async connect(at: { host: string; port: number }, imei: string, answer: (command: string) => string | null): Promise<Tracker> {
		const socket = connect({ ...at, noDelay: true });
		const tracker = new Tracker(socket, answer);
		await new Promise<void>((resolve, reject) => {
			socket.once('connect', () => socket.write(Buffer.concat([Buffer.from([0, imei.length]), Buffer.from(imei, 'ascii')])));
			socket.once('error', reject);
			socket.once('close', () => reject(new Error(`the gateway closed on ${imei}`)));
			socket.on('data', (bytes: Buffer) => {
				tracker.received = Buffer.concat([tracker.received, bytes]);
				if (!tracker.isIn && tracker.received.length > 0) {
					if (tracker.take(1)[0] !== 1) return reject(new Error(`the gateway does not know ${imei}`));
					tracker.isIn = true;
					resolve();
				}
				tracker.listen();
			});
		});
		return tracker;
	}

	/** Reports one fix. */
	report(lon: number, lat: number, atMs: number): void {
		const record = Buffer.alloc(30);
		record.writeBigUInt64BE(BigInt(atMs), 0);
		record.writeInt32BE(Math.round(lon * 1e7), 9);
		record.writeInt32BE(Math.round(lat * 1e7), 13);
		record.writeInt16BE(300, 17);
		record.writeUInt8(9, 21);
		this.send(Buffer.concat([Buffer.from([CODEC_8, 1]), record, Buffer.from([1])]));
	}

	close(): void {
		this.socket.removeAllListeners();
		this.socket.destroy();
	}

	/** What came: a count of records that are safe, or a command in a frame. */
	private listen(): void {
		while (this.received.length >= 4) {
			if (this.received.readUInt32BE(0) !== 0) {
				this.take(4);
				continue;
			}
			if (this.received.length < 8 || this.received.length < 12 + this.received.readUInt32BE(4)) return;
			const data = this.take(12 + this.received.readUInt32BE(4)).subarray(8);
			if (data[0] !== CODEC_12 || data[2] !== COMMAND) continue;
			const command = data.subarray(7, 7 + data.readUInt32BE(3)).toString('latin1');
			this.heard.push(command);
			const answer = this.answer(command);
			if (answer !== null) this.respond(answer);
		}
	}

	private respond(text: string): void {
		const head = Buffer.from([CODEC_12, 1, ANSWER, 0, 0, 0, 0]);
		head.writeUInt32BE(text.length, 3);
		this.send(Buffer.concat([head, Buffer.from(text, 'latin1'), Buffer.from([1])]));
	}

	private send(data: Buffer): void {
		const frame = Buffer.alloc(data.length + 12);
		frame.writeUInt32BE(data.length, 4);
		data.copy(frame, 8);
		frame.writeUInt32BE(checksum(data), data.length + 8);
		this.socket.write(frame);
	}

	private take(bytes: number): Buffer {
		const taken = this.received.subarray(0, bytes);
		this.received = this.received.subarray(bytes);
		return taken;
	}
}

/** CRC-16/IBM: polynomial 8005 reflected, initial 0. */
export function checksum(data: Buffer): number {
	let crc = 0;
	for (const byte of data) {
		crc ^= byte;
		for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
	}
	return crc;
}
