import { readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { ifPossible } from './fs-errors.js';
import { preparePrivateFolder, refusal } from './private-folder.js';

/** Names how locks are laid out. To be changed with every change that versions of before would misunderstand. */
const LAYOUT = 'layout-2';
const ANY_LAYOUT = /^layout-\d+$/;

/**
 * Processes with two layouts in one folder would not see each other's locks, so the second is refused. If both come
 * first at the same moment, each sees the folder of the other, and both are.
 *
 * @returns the folder that was named, and the one in it where the locks are
 */
export function openLayout(named: string | undefined): [folder: string, root: string] {
  const folder = preparePrivateFolder(named, new Map([[LAYOUT, 'folder']]));
  const root = join(folder, LAYOUT);
  const other = readdirSync(folder).find((name) => ANY_LAYOUT.test(name) && name !== LAYOUT);
  if (other === undefined) return [folder, root];
  // Where it is empty, it was made just now, and would keep the others from starting again.
  ifPossible(() => rmdirSync(root));
  const remedy = `end the processes that use that version and remove ${join(folder, other)}, or name another folder`;
  throw refusal(folder, `another version of nestjs-exclusive-lock has its locks in it (${other})`, remedy);
}
