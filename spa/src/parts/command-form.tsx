import { useState, type FormEvent } from 'react';

import { reasonOf } from '../directus/refusal.ts';
import type { CatalogueCommand, CommandParameter } from '../directus/schema.ts';
import { words } from '../format.ts';
import { parametersOf } from '../race/command-state.ts';

interface Props {
	catalogue: CatalogueCommand[];
	onSend: (name: string, parameters: Record<string, unknown>) => Promise<void>;
}

export function CommandForm({ catalogue, onSend }: Props) {
	const [name, setName] = useState(catalogue[0]!.name);
	const [refusal, setRefusal] = useState<string | null>(null);
	const [busy, setBusy] = useState(false);
	const command = catalogue.find((one) => one.name === name) ?? catalogue[0]!;

	async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
		event.preventDefault();
		const texts = Object.fromEntries([...new FormData(event.currentTarget)].map(([key, value]) => [key, String(value)]));
		setBusy(true);
		setRefusal(null);
		try {
			await onSend(command.name, parametersOf(command.parameters, texts));
		} catch (error) {
			setRefusal(reasonOf(error));
		} finally {
			setBusy(false);
		}
	}

	return (
		<form className="command-form" onSubmit={(event) => void submit(event)}>
			<label>
				<span>Command</span>
				<select value={command.name} onChange={(event) => setName(event.target.value)}>
					{catalogue.map((one) => (
						<option key={one.name} value={one.name}>
							{one.label}
						</option>
					))}
				</select>
			</label>
			<p className="quiet">
				{command.description}
				{command.dangerous && ' A second person has to agree.'}
			</p>
			{/* The key empties the fields of the command before. */}
			<div key={command.name} className="parameters">
				{command.parameters.map((parameter) => (
					<ParameterField key={parameter.name} parameter={parameter} />
				))}
			</div>
			{refusal && (
				<p className="refusal" role="alert">
					{refusal}
				</p>
			)}
			<button className="primary" type="submit" disabled={busy}>
				{busy ? 'Sending …' : 'Send'}
			</button>
		</form>
	);
}

function ParameterField({ parameter }: { parameter: CommandParameter }) {
	const { name, required, description } = parameter;
	return (
		<label title={description}>
			<span>{words(name)}</span>
			{parameter.type === 'choice' || parameter.type === 'boolean' ? (
				<select name={name} required={required} defaultValue={parameter.default ?? ''}>
					{!required && parameter.default === undefined && <option value="">–</option>}
					{(parameter.type === 'choice' ? parameter.of : ['true', 'false']).map((one) => (
						<option key={one}>{one}</option>
					))}
				</select>
			) : parameter.type === 'integer' || parameter.type === 'number' ? (
				<input
					name={name}
					type="number"
					inputMode="numeric"
					required={required}
					min={parameter.min}
					max={parameter.max}
					step={parameter.type === 'integer' ? 1 : 'any'}
					defaultValue={parameter.default}
				/>
			) : (
				<input
					name={name}
					required={required}
					maxLength={parameter.type === 'text' ? parameter.max_length : undefined}
					defaultValue={parameter.default}
					autoComplete="off"
				/>
			)}
		</label>
	);
}
