import manifest from '../../../../wasm/pkg/manifest.json';
import { formsOf } from '../shared/operation-forms.ts';
import type { Manifest } from '../shared/protocol.ts';

export default formsOf(manifest as unknown as Manifest);
