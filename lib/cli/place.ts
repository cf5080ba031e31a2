import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { OpenLocksOptions } from '../locks/open-locks.js';
import type { CommandOptions } from './command.js';
import { UsageError } from './usage-error.js';

/** Options that say where the locks are. */
export const PLACE_OPTIONS = {
  redis: { type: 'string' },
  local: { type: 'boolean' },
  folder: { type: 'string' },
  config: { type: 'string' },
  prefix: { type: 'string' },
} as const satisfies CommandOptions;

/** Looked for in the working folder, in this order. */
const CONFIG_FILES = ['mjs', 'js', 'cjs', 'json'].map((ending) => `exclusive-lock.config.${ending}`);

type Given = Readonly<Record<string, string | boolean | undefined>>;

/**
 * Where the locks are: by the options, else by the file with options of `openLocks()`, else by `REDIS_URL`.
 *
 * @throws UsageError if nothing says where
 */
export async function placeOf(
  options: Given,
  env: NodeJS.ProcessEnv,
  folder: string,
): Promise<OpenLocksOptions> {
  const { prefix } = options as { prefix?: string };
  const place = byOptions(options) ?? (await byFile(options, folder)) ?? byEnvironment(env);
  if (!place)
    throw new UsageError(
      'Where are the locks? Give --redis <url>, or --local for those of this machine; or set REDIS_URL; or write the ' +
        `options of openLocks() to ${CONFIG_FILES[0]} in this folder.`,
    );
  return prefix === undefined ? place : { ...place, prefix };
}

function byOptions({ redis, local, folder, config }: Given): OpenLocksOptions | undefined {
  const given = [redis && '--redis', (local || folder) && '--local', config && '--config'].filter(Boolean);
  if (given.length > 1)
    throw new UsageError(`Give one of ${given.join(' and ')}: each says where the locks are.`);
  if (typeof redis === 'string') return { redis };
  if (typeof folder === 'string') return { store: 'local', folder };
  return local ? { store: 'local' } : undefined;
}

function byEnvironment(env: NodeJS.ProcessEnv): OpenLocksOptions | undefined {
  const url = env['REDIS_URL'];
  return url ? { redis: url } : undefined;
}

async function byFile({ config }: Given, folder: string): Promise<OpenLocksOptions | undefined> {
  const files = typeof config === 'string' ? [config] : CONFIG_FILES;
  const file = files.map((name) => resolve(folder, name)).find(existsSync);
  if (file) return optionsIn(file);
  if (config !== undefined) throw new UsageError(`There is no file ${String(config)}.`);
  return undefined;
}

async function optionsIn(file: string): Promise<OpenLocksOptions> {
  const options: unknown = file.endsWith('.json')
    ? JSON.parse(await readFile(file, 'utf8'))
    : ((await import(pathToFileURL(file).href)) as { default?: unknown }).default;
  if (typeof options !== 'object' || options === null)
    throw new UsageError(`${file} must export the options of openLocks() as its default.`);
  return options;
}
