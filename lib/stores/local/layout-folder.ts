import { readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { ifPossible } from './fs-errors.js';
import { preparePrivateFolder, refusal } from './private-folder.js';

/** The name of the format of the files. Change it with every change that older versions would misunderstand. */
const LAYOUT = 'layout-3';
const ANY_LAYOUT = /^layout-\d+$/;

/**
 * Opens the folder of this layout. Processes with different layouts would not see each other's locks, so a folder with
 * another layout is refused. If two layouts are opened first at the same moment, both are refused.
 *
 * @returns the folder that was named, and the folder of the layout in it
 * @throws LockConfigurationError
 */
export function openLayout(named: string | undefined): [folder: string, root: string] {
  const folder = preparePrivateFolder(named, new Map([[LAYOUT, 'folder']]));
  const root = join(folder, LAYOUT);
  const other = readdirSync(folder).find((name) => ANY_LAYOUT.test(name) && name !== LAYOUT);
  if (other === undefined) return [folder, root];
  // An empty one was created just now. It would keep processes of the other layout from starting again.
  ifPossible(() => rmdirSync(root));
  const remedy = `end the processes that use that version and remove ${join(folder, other)}, or name another folder`;
  throw refusal(folder, `another version of nestjs-exclusive-lock has its locks in it (${other})`, remedy);
}
