import type { LockState } from '../../core/lock-manager.js';
import type { Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import type { Column } from '../table.js';
import { UsageError } from '../usage-error.js';
import { fromNow, lengthOf, moment } from '../words.js';

const COLUMNS: readonly Column<LockState>[] = [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'HOLDER', text: holderOf },
  { title: 'SINCE', text: ({ holder }) => fromNow(holder.since) },
  { title: 'LEFT', text: ({ remaining }) => lengthOf(remaining), isNumber: true },
  { title: 'TOKEN', text: ({ fencingToken }) => fencingToken?.toString(), isNumber: true },
  { title: 'WAITING', text: ({ waiters }) => waiters?.toString(), isNumber: true },
  { title: 'FOR', text: ({ holder }) => holder.occurrence },
];

export const ls: Command = {
  usage: '[<beginning>]',
  summary: 'the locks that are held, of all names or of those that begin so',
  words: { least: 0, most: 1 },
  async run({ locks, output, words: [prefix] }) {
    const held: LockState[] = [];
    for await (const state of locks.list({ prefix })) held.push(state);
    held.sort((a, b) => (a.name < b.name ? -1 : 1));
    output.table(COLUMNS, held, 'No lock is held.');
    return EXIT.done;
  },
};

export const get: Command = {
  usage: '<lock>',
  summary: 'who holds a lock; exits with 1 if it is free',
  words: { least: 1, most: 1 },
  async run({ locks, output, words: [name] }) {
    const state = await locks.inspect(name);
    if (!state) {
      output.say(`${name} is free.`, { name, free: true });
      return EXIT.refused;
    }
    const { holder, remaining, fencingToken, waiters } = state;
    output.fields(
      {
        name,
        holder: holderOf(state),
        application: holder.application,
        since: holder.since && `${moment(holder.since)}, ${fromNow(holder.since)}`,
        for: holder.occurrence,
        contents: holder.contents === undefined ? undefined : JSON.stringify(holder.contents),
        left: `${lengthOf(remaining)}, unless it is renewed`,
        token: fencingToken?.toString(),
        waiting: waiters?.toString(),
      },
      state,
    );
    return EXIT.done;
  },
};

export const release: Command = {
  usage: '<lock> --token <number>',
  summary: 'takes a lock from its holder, if it is still the grant with this token',
  words: { least: 1, most: 1 },
  options: { token: { type: 'string' } },
  async run({ locks, output, words: [name], options: { token } }) {
    const fencingToken = Number(token ?? NaN);
    if (!Number.isSafeInteger(fencingToken))
      throw new UsageError(`--token must be the fencing token of the holder, as \`get ${name}\` tells it.`);
    const isReleased = await locks.forceRelease(name, { fencingToken });
    const said = { name, fencingToken, released: isReleased };
    if (isReleased) {
      output.say(`${name} was taken from its holder, which learns of it when it renews the lock.`, said);
      return EXIT.done;
    }
    output.say(`${name} is free, or was granted with another token since. Nothing was changed.`, said);
    return EXIT.refused;
  },
};

function holderOf({ holder }: LockState): string {
  return holder.replica ?? 'another program';
}
