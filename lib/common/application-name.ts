import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';

/** How a process was started. */
export interface Started {
  /** Its arguments. The second is the script. */
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** The longest name of a package in npm. */
const LONGEST = 214;

/** The script that PM2 runs instead of the user's, whose path is in `pm_exec_path`. */
const PM2_CONTAINER = /^ProcessContainer(Fork)?(Bun)?\.js$/;

/**
 * The name of this application: the name in the nearest package.json above its main script that has one. In a monorepo
 * with one package.json for all applications, the folder in `apps` is added. Undefined if there is no name. Never
 * throws.
 */
export function applicationName({ argv, cwd, env }: Started = hereStarted()): string | undefined {
  let script = argv[1];
  if (script && PM2_CONTAINER.test(basename(script))) script = env['pm_exec_path'] ?? script;
  script = script && realPath(script);
  // A launcher, such as jest or ts-node, is started in the folder of the application.
  if (!script || script.split(sep).includes('node_modules')) return nameAbove(join(cwd, 'main.js'));
  return nameAbove(script);
}

function hereStarted(): Started {
  const { argv, env } = process;
  try {
    return { argv, env, cwd: process.cwd() };
  } catch {
    // The working directory was removed.
    return { argv, env, cwd: sep };
  }
}

function nameAbove(script: string): string | undefined {
  for (let folder = dirname(script); ; folder = dirname(folder)) {
    const name = nameIn(folder);
    if (name !== undefined) return name + ofApps(relative(folder, script));
    if (folder === dirname(folder)) return undefined;
  }
}

/** `/` and the folder in `apps`, for sources and builds: `apps/shop/src/main.ts`, `dist/apps/shop/main.js`. */
function ofApps(path: string): string {
  const parts = path.split(sep);
  const app = parts[parts.indexOf('apps') + 1];
  return parts.includes('apps') && parts.length > parts.indexOf('apps') + 2 ? `/${app}` : '';
}

function nameIn(folder: string): string | undefined {
  try {
    const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown };
    return typeof name === 'string' && isName(name) ? name : undefined;
  } catch {
    // There is none, or none that can be read.
    return undefined;
  }
}

function isName(name: string): boolean {
  return name.trim() !== '' && name.length <= LONGEST && !/[{}\p{Cc}\p{Cs}]/u.test(name);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
