import type { CatalogueCommand, Command } from '../directus/schema.ts';
import { lapse, words } from '../format.ts';
import { meaning, mood } from '../race/command-state.ts';

interface Props {
	commands: Command[];
	catalogue: CatalogueCommand[];
	/** The wall clock, ms. */
	now: number;
}

export const SentCommands = ({ commands, catalogue, now }: Props) => (
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
			</li>
		))}
	</ul>
);
