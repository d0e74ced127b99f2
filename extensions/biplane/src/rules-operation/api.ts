import { operationsOf } from '../shared/operations.ts';
import { rules } from '../shared/rules.ts';

export default operationsOf(rules());
