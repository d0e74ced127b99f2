import type { Directus } from '../directus/client.ts';
import { reasonOf } from '../directus/refusal.ts';
import { useCommands } from '../hooks/use-commands.ts';
import { useNow } from '../hooks/use-now.ts';
import { CommandForm } from './command-form.tsx';
import { SentCommands } from './sent-commands.tsx';

interface Props {
	directus: Directus;
	organization: string;
	device: string;
}

/** Commands to the tracker: only for those who may create them. */
export function CommandPanel({ directus, organization, device }: Props) {
	const { catalogue, sent, send, decide } = useCommands(directus, organization, device);
	const now = useNow(5000);
	return (
		<section className="command-panel">
			<h3>Commands</h3>
			{catalogue.error !== null && <p className="refusal">{reasonOf(catalogue.error)}</p>}
			{catalogue.data?.length === 0 && <p className="quiet">Nothing can be said to this kind of tracker.</p>}
			{catalogue.data && catalogue.data.length > 0 && <CommandForm catalogue={catalogue.data} onSend={send} />}
			{sent.data && sent.data.length > 0 && <SentCommands commands={sent.data} catalogue={catalogue.data ?? []} now={now} onDecide={decide} />}
		</section>
	);
}
