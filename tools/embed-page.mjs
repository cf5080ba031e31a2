// Writes lib/board/page.ts from lib/board/page: one HTML document with its styles and script in it, and the policy by which a
// browser runs that script and no other. The package needs no file at run time then. `--check` fails instead of writing when
// the two differ.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';

const board = join(import.meta.dirname, '../lib/board');
const read = (file) => readFileSync(join(board, 'page', file), 'utf8');

const css = withoutComments(read('board.css'));
const js = bundled('main.js');
// Throws if two modules declare the same name, too.
void new Script(`'use strict';${js}`);
if (/<\/(script|style)/i.test(js + css)) throw new Error('The page would end its script or style too early.');

const html = withoutComments(read('board.html'))
  .replace('<style></style>', () => `<style>${css}</style>`)
  .replace('<script type="module"></script>', () => `<script type="module">${js}</script>`);
if (!html.includes(css) || !html.includes(js))
  throw new Error('board.html has no place for its styles or script.');
const policy = [
  "default-src 'none'",
  `script-src '${hashOf(js)}'`,
  `style-src '${hashOf(css)}'`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  // The page makes no markup of texts, and no script that it runs could.
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const source = `// Made from page/* by tools/embed-page.mjs (npm run embed). Do not edit.
/** The page of the board, and the Content-Security-Policy that it needs. */
export const PAGE = {
  contentSecurityPolicy: ${JSON.stringify(policy)},
  html: ${JSON.stringify(html)},
} as const;
`;

const target = join(board, 'page.ts');
if (!process.argv.includes('--check')) writeFileSync(target, source);
else if (readFileSync(target, 'utf8') !== source) {
  console.error(`${target} is not what page/* say. Run: npm run embed`);
  process.exit(1);
}

/** A module and those that it imports, each once and before its first use, as one script without imports. */
function bundled(file, seen = new Set()) {
  if (seen.has(file)) return '';
  seen.add(file);
  const code = read(file);
  const imported = [...code.matchAll(/^import [^;]*? from '\.\/([\w-]+\.js)';\n/gm)];
  const before = imported.map(([, name]) => bundled(name, seen)).join('');
  const own = imported.reduce((rest, [line]) => rest.replace(line, ''), code);
  return before + withoutComments(own.replace(/^export /gm, ''));
}

/** Comments that have lines of their own stay behind, and so do empty lines and the indentation. */
function withoutComments(text) {
  return text
    .replace(/^ *(\/\*\*? [^]*?\*\/|\/\*\*\n[^]*?\*\/|<!--[^]*?-->)\n/gm, '')
    .replace(/^ *\/\/.*\n/gm, '')
    .replace(/^\s+/gm, '');
}

function hashOf(text) {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
