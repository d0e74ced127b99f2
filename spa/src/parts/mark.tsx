/** The sign of the product: two wings. */
export const Mark = () => (
	<svg className="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
		<path d="M4 11h24M4 21h24" stroke="currentColor" strokeWidth="3.4" strokeLinecap="round" />
		<path d="M11 11v10M21 11v10" stroke="currentColor" strokeWidth="1.8" />
	</svg>
);
