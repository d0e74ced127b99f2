/** The id of a rule's operation in Directus. */
export const operationId = (rule: string) => `biplane-${rule}`;
