/** What Directus's form for an item gives: its key alone, or with its collection. */
export type Choice = { key: string; collection: string } | string | null | undefined;

/** The key of what was chosen in a panel's settings. */
export const keyOf = (choice: Choice): string | null => (typeof choice === 'object' ? (choice?.key ?? null) : (choice ?? null));
