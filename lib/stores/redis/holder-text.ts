import type { StoredLock } from '../lock-store.js';

// The text in a lock, as scripts/holder.lua describes it.

/** The owner and the fencing token of a grant, with which it begins. */
const GRANT = /^\{"owner":"([^"]*)","token":(\d+)/;

/** What of a holder comes after these. */
export function restOf(holder: string): string {
  return holder === '{}' ? '}' : `,${holder.slice(1)}`;
}

/** The holder that the text tells; without owner and fencing token if another program has written it. */
export function holderIn(text: string): Pick<StoredLock, 'owner' | 'holder' | 'fencingToken'> {
  const [found, owner, fencingToken] = GRANT.exec(text) ?? [];
  if (found === undefined) return { owner: undefined, holder: text, fencingToken: undefined };
  const holder = text.length === found.length + 1 ? '{}' : `{${text.slice(found.length + 1)}`;
  return { owner, holder, fencingToken: Number(fencingToken) };
}
