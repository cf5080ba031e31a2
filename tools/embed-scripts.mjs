// Writes lib/stores/redis/scripts.ts from scripts/*.lua and the constants of lock-store.ts, so that the package needs no
// file at run time and survives bundlers. `--check` fails instead of writing when the two differ.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { assembled } from './assembled-scripts.mjs';

const stores = join(import.meta.dirname, '../lib/stores');
const folder = join(stores, 'redis');
const files = readdirSync(join(folder, 'scripts')).toSorted();
const scripts = assembled(
  files.map((file) => [file, readFileSync(join(folder, 'scripts', file), 'utf8')]),
  await imported(join(stores, 'lock-store.ts')),
);

const entries = scripts.map(([name, lua]) => {
  const sha = createHash('sha1').update(lua).digest('hex');
  return `  ${name}: {\n    sha: '${sha}',\n    lua: ${JSON.stringify(lua)},\n  },\n`;
});
const source = `// Made from scripts/*.lua by tools/embed-scripts.mjs (npm run embed). Do not edit.
/** The Lua scripts and the names by which Redis knows them. */
export const SCRIPTS = {
${entries.join('')}} as const;
`;

const target = join(folder, 'scripts.ts');
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== source) {
    console.error(`${target} is not what scripts/*.lua say. Run: npm run embed`);
    process.exit(1);
  }
} else {
  writeFileSync(target, source);
}

/** A module of TypeScript that imports nothing but types. */
function imported(file) {
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  return import(`data:text/javascript,${encodeURIComponent(outputText)}`);
}
