import { strict as assert } from 'node:assert';
import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { acquiring } from './acquiring.js';
import { admin } from './admin.js';
import { claims, gaps, keys } from './claims.js';
import { clocks } from './clocks.js';
import { checkOn, promisesOf, type PromiseOfStores, type StoreContractNeed } from './contract-case.js';
import { inspecting, names } from './inspecting.js';
import { expiry, releasing, renewing } from './leases.js';
import { askingAgain } from './owners.js';
import { queue } from './queue.js';
import { queuedClaims } from './queued-claims.js';
import { reruns } from './reruns.js';
import { jobs } from './jobs.js';
import { missedTicks } from './missed-ticks.js';
import { pauses } from './pauses.js';
import { replicas } from './replicas.js';
import { runs } from './runs.js';
import type { StoresUnderTest } from './subject.js';
import { ticks } from './ticks.js';
import { tokens } from './tokens.js';
import { untoldTicks } from './untold-ticks.js';
import { voids } from './voids.js';

/** Options of `storeContract()`. */
export interface StoreContractOptions {
  /**
   * What the store, or its test, does not have. The cases that need it are skipped.
   *
   * @default []
   */
  readonly without?: readonly StoreContractNeed[];
  /**
   * The promises that the store does not keep: the name of the case, and the reason. The list must be exact: a case that
   * passes although it is listed fails.
   *
   * @default {}
   */
  readonly except?: Readonly<Record<string, string>>;
}

/** One promise of the contract, as a test. */
export interface StoreContractCase {
  /** A sentence, with the reason in brackets if the case is skipped or excepted. */
  readonly name: string;
  /** The reason if the case is not to be run, else false: as `node:test` takes it. */
  readonly skip: string | false;
  /** Opens stores, checks the promise and closes the stores; rejects if it is not kept. */
  readonly run: () => Promise<void>;
}

const CONTRACT: readonly PromiseOfStores[] = [
  ...promisesOf('acquiring', acquiring),
  ...promisesOf('an owner that asks again', askingAgain),
  ...promisesOf('a tick', ticks),
  ...promisesOf('a tick that may be granted again', reruns),
  ...promisesOf('a gap', gaps),
  ...promisesOf('a key', keys),
  ...promisesOf('a claim', claims),
  ...promisesOf('an acquisition that is void', voids),
  ...promisesOf('a fencing token', tokens),
  ...promisesOf('renewing', renewing),
  ...promisesOf('releasing', releasing),
  ...promisesOf('expiry', expiry),
  ...promisesOf("the store's clock", clocks),
  ...promisesOf('inspecting', inspecting),
  ...promisesOf('names', names),
  ...promisesOf('a queue', queue),
  ...promisesOf('a claim in the queue', queuedClaims),
  ...promisesOf('the record of a run', runs, 'runs'),
  ...promisesOf('a job', jobs, 'runs'),
  ...promisesOf('a tick that was missed', missedTicks, 'runs'),
  ...promisesOf('ticks that nobody was granted', untoldTicks, 'runs'),
  ...promisesOf('a job that is paused', pauses, 'runs'),
  ...promisesOf('a replica', replicas, 'runs'),
  ...promisesOf('an operator', admin),
];

/**
 * What every store must do, as cases for any test runner: the other half of the contract in `LockStore`. A store is done
 * when it passes; see docs/stores.md.
 *
 * @param open opens the stores of one case, on no data, and says how to close them
 * @throws LockConfigurationError if `except` names a case that there is not
 * @example
 * // Vitest, and Jest with globals
 * for (const { name, skip, run } of storeContract(open, { without: ['advance'] }))
 *   (skip ? it.skip : it)(name, run);
 * @example
 * // node:test
 * for (const { name, skip, run } of storeContract(open, { without: ['advance'] })) test(name, { skip }, run);
 */
export function storeContract(
  open: () => Promise<StoresUnderTest>,
  { without = [], except = {} }: StoreContractOptions = {},
): readonly StoreContractCase[] {
  const unknown = Object.keys(except).find((name) => !CONTRACT.some((promise) => promise.name === name));
  if (unknown !== undefined) throw new LockConfigurationError(messages.noSuchCase(unknown));
  const declaration: StoreContractCase = {
    name: 'the stores have all but what the test goes without',
    skip: false,
    run: () => checkOn(open, async (_, stores) => checkDeclared(stores, without)),
  };
  return [declaration, ...CONTRACT.map((promise) => caseOf(promise, open, without, except))];
}

function caseOf(
  { name, needs, check }: PromiseOfStores,
  open: () => Promise<StoresUnderTest>,
  without: readonly StoreContractNeed[],
  except: Readonly<Record<string, string>>,
): StoreContractCase {
  const lacking = needs.find((need) => without.includes(need));
  if (lacking !== undefined) {
    const skip = `without ${lacking}`;
    return { name: `${name} (skipped: ${skip})`, skip, run: async () => {} };
  }
  const run = (): Promise<void> => checkOn(open, check);
  const reason = Object.hasOwn(except, name) ? except[name] : undefined;
  if (reason === undefined) return { name, skip: false, run };
  return { name: `${name} (not kept: ${reason})`, skip: false, run: () => failing(name, run) };
}

/** Resolves if the promise is not kept. Rejects if it is, or if something else is wrong. */
async function failing(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (error instanceof assert.AssertionError) return;
    throw error;
  }
  assert.fail(messages.keptAfterAll(name));
}

/** Else cases would be skipped that the store should pass. */
function checkDeclared(stores: StoresUnderTest, without: readonly StoreContractNeed[]): void {
  const [store] = stores.stores;
  const has = {
    queue: store.queue !== undefined,
    runs: store.runs !== undefined,
    admin: store.admin !== undefined,
    otherPrefix: stores.otherPrefix !== undefined,
    advance: stores.advance !== undefined,
    setClockBack: stores.setClockBack !== undefined,
    holdReplies: stores.holdReplies !== undefined,
  };
  for (const [need, isThere] of Object.entries(has)) {
    const isListed = without.includes(need as StoreContractNeed);
    assert.notEqual(isThere, isListed, messages.needDeclaredWrongly(need, isThere));
  }
}
