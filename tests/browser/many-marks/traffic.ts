/** As many in a message of the live channel, and as often (ms). */
const BATCH = 64;
const EVERY_MS = 100;

/** Vehicles that drive about, each telling its place once a second. */
export class Traffic {
	private readonly lon: Float64Array;
	private readonly lat: Float64Array;
	private readonly course: Float64Array;
	private readonly startMs = Date.UTC(2026, 0, 1);
	private next = 0;
	private second = 0;

	constructor(count: number) {
		let seed = 7;
		const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
		this.lon = Float64Array.from({ length: count }, () => 12 + random() * 3);
		this.lat = Float64Array.from({ length: count }, () => 45 + random() * 2);
		this.course = Float64Array.from({ length: count }, () => random() * 360);
	}

	all(): object[] {
		return Array.from(this.lon, (_, index) => this.position(index, 0));
	}

	/** Hands on a tenth of all of them ten times a second, in messages. */
	play(tell: (messages: string[]) => void): void {
		const count = this.lon.length;
		const share = Math.ceil(count / (1000 / EVERY_MS));
		setInterval(() => {
			const messages: string[] = [];
			let batch: object[] = [];
			for (let i = 0; i < share; i++) {
				const index = this.next;
				this.next = (this.next + 1) % count;
				if (this.next === 0) this.second++;
				batch.push(this.move(index));
				if (batch.length === BATCH || i === share - 1) {
					messages.push(JSON.stringify(batch));
					batch = [];
				}
			}
			tell(messages);
		}, EVERY_MS);
	}

	private move(index: number): object {
		const radians = (this.course[index]! * Math.PI) / 180;
		this.lon[index]! += Math.sin(radians) * 0.0003;
		this.lat[index]! += Math.cos(radians) * 0.0002;
		this.course[index] = (this.course[index]! + ((index % 7) - 3)) % 360;
		return this.position(index, this.second + 1);
	}

	private position(index: number, second: number): object {
		return {
			device: `device ${index}`, time: new Date(this.startMs + second * 1000).toISOString(), lat: this.lat[index], lon: this.lon[index],
			altitude_m: 300, speed_kmh: 80, course_deg: (this.course[index]! + 360) % 360, faulty: false,
		};
	}
}
