// Child processes: run one to its end, or hold one until it is stopped.
import { spawn, type ChildProcess } from 'node:child_process';

export interface Ran {
	/** Exit code; `null` if it was still running when its time was up and was killed. */
	exit: number | null;
	output: string;
	seconds: number;
}

export interface Running {
	child: ChildProcess;
	output(): string;
	stop(): Promise<void>;
}

const held = new Set<Running>();

export function start(argv: string[], options: { cwd: string; env: Record<string, string> }): Running {
	const [file, ...args] = argv;
	// A group of its own, so that its children end with it.
	const child = spawn(file!, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
	let output = '';
	child.stdout!.on('data', (data) => (output += data));
	child.stderr!.on('data', (data) => (output += data));
	const ended = new Promise<void>((resolve) => {
		child.once('error', (error) => ((output += String(error)), resolve()));
		child.once('close', () => resolve());
	});
	const running: Running = {
		child,
		output: () => output,
		async stop() {
			held.delete(running);
			if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
			signal(child.pid, 'SIGTERM');
			const late = setTimeout(() => signal(child.pid!, 'SIGKILL'), 10_000);
			await ended;
			clearTimeout(late);
		},
	};
	held.add(running);
	return running;
}

export async function run(
	argv: string[],
	options: { cwd: string; env: Record<string, string>; seconds?: number },
): Promise<Ran> {
	const began = performance.now();
	const running = start(argv, options);
	let late = false;
	const timer = setTimeout(() => ((late = true), void running.stop()), (options.seconds ?? 120) * 1000);
	const exit = await new Promise<number | null>((resolve) => {
		running.child.once('error', () => resolve(127));
		running.child.once('close', (code) => resolve(code));
	});
	clearTimeout(timer);
	held.delete(running);
	return { exit: late ? null : exit, output: running.output(), seconds: (performance.now() - began) / 1000 };
}

/** Stops whatever is still held. */
export async function stopAll(): Promise<void> {
	await Promise.all([...held].reverse().map((running) => running.stop()));
}

function signal(pid: number, name: NodeJS.Signals): void {
	try {
		process.kill(-pid, name);
	} catch {
		// It has ended already.
	}
}
