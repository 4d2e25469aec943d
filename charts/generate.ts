// Writes what the chart and k8s/ have from elsewhere in the project:
//   npm run chart
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedFiles } from './generated-files.ts';

for (const [file, text] of generatedFiles()) writeFileSync(join(import.meta.dirname, '..', file), text);
