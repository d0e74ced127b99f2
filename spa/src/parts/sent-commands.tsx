import { useState } from 'react';

import { reasonOf } from '../directus/refusal.ts';
import type { CatalogueCommand, Command } from '../directus/schema.ts';
import { lapse, words } from '../format.ts';
import { meaning, mood } from '../race/command-state.ts';

type Decide = (command: string, status: 'pending' | 'cancelled') => Promise<void>;

interface Props {
	commands: Command[];
	catalogue: CatalogueCommand[];
	/** The wall clock, ms. */
	now: number;
	onDecide: Decide;
}

export const SentCommands = ({ commands, catalogue, now, onDecide }: Props) => (
	<ul className="sent" aria-live="polite">
		{commands.map((command) => (
			<li key={command.id} data-command={command.id} data-status={command.status} data-mood={mood(command.status)}>
				<div>
					<strong>{catalogue.find(({ name }) => name === command.name)?.label ?? command.name}</strong>
					<time dateTime={command.date_created}>{lapse(now - Date.parse(command.date_created))} ago</time>
				</div>
				<p>
					<span className="state">{words(command.status)}</span> {meaning(command.status)}
				</p>
				{command.result && <pre>{command.result}</pre>}
				<Decision command={command} onDecide={onDecide} />
				{command.transitions.length > 0 && <History command={command} />}
			</li>
		))}
	</ul>
);

/** What can still be decided of it. */
function Decision({ command, onDecide }: { command: Command; onDecide: Decide }) {
	const [refusal, setRefusal] = useState<string | null>(null);
	const [busy, setBusy] = useState(false);
	const decide = (status: 'pending' | 'cancelled') => () => {
		setRefusal(null);
		setBusy(true);
		onDecide(command.id, status)
			.catch((error: unknown) => setRefusal(reasonOf(error)))
			.finally(() => setBusy(false));
	};
	const { status } = command;
	if (!['awaiting_approval', 'pending', 'queued', 'routed'].includes(status)) return null;
	return (
		<div className="decision">
			{status === 'awaiting_approval' && (
				<button type="button" disabled={busy} onClick={decide('pending')}>
					Approve
				</button>
			)}
			<button type="button" disabled={busy} onClick={decide('cancelled')}>
				Take back
			</button>
			{refusal && (
				<p className="refusal" role="alert">
					{refusal}
				</p>
			)}
		</div>
	);
}

const History = ({ command }: { command: Command }) => (
	<details className="history">
		<summary>History</summary>
		<ol>
			{command.transitions.map(({ to_status: state, occurred_at: at, attempt }, place) => (
				<li key={place}>
					<time dateTime={at}>{new Date(at).toISOString().slice(11, 23)} UTC</time> {words(state)}
					{attempt > 1 && ` (attempt ${attempt})`}
				</li>
			))}
		</ol>
	</details>
);
