// The package is of type module; this says that dist/cjs is not.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

writeFileSync(join(import.meta.dirname, '../dist/cjs/package.json'), '{ "type": "commonjs" }\n');
