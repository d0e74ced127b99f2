import type { KeyboardEvent, ReactNode } from 'react';

export interface Tab<Name extends string> {
	name: Name;
	label: ReactNode;
}

interface Props<Name extends string> {
	label: string;
	tabs: Tab<Name>[];
	chosen: Name;
	onChoose: (name: Name) => void;
}

/** As the ARIA pattern has it: one stop for the tab key, arrows between. The panel's id is `panel-<name>`. */
export function Tabs<Name extends string>({ label, tabs, chosen, onChoose }: Props<Name>) {
	function onKeyDown(event: KeyboardEvent<HTMLDivElement>): void {
		const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
		if (step === 0) return;
		const index = tabs.findIndex(({ name }) => name === chosen);
		const next = tabs[(index + step + tabs.length) % tabs.length]!;
		onChoose(next.name);
		document.getElementById(`tab-${next.name}`)?.focus();
	}
	return (
		<div className="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
			{tabs.map(({ name, label: text }) => (
				<button
					key={name}
					id={`tab-${name}`}
					type="button"
					role="tab"
					aria-selected={name === chosen}
					aria-controls={name === chosen ? `panel-${name}` : undefined}
					tabIndex={name === chosen ? 0 : -1}
					onClick={() => onChoose(name)}
				>
					{text}
				</button>
			))}
		</div>
	);
}
