import type { RunOutcome, RunRecord } from '../../lib/stores/lock-store.js';
import { event } from './history.js';
import type { ReplicaEvent, ReplicaProcess } from './replica-process.js';

/** A time in which no replica could ask the store: all were dead, or the store was. Milliseconds since the epoch. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** What a trial has seen of the ticks of one job. */
export interface Ledger {
  readonly ticks: readonly number[];
  readonly replicas: readonly ReplicaProcess[];
  /** The replicas that were killed, by name. */
  readonly killed: ReadonlySet<string>;
  readonly records: readonly RunRecord[];
  readonly gaps: readonly Gap[];
}

/**
 * What became of a tick. `busy`: a run was on, or its dead holder still had the lock. `passed over`: nobody could ask
 * before the next one was due.
 */
export type Fate = RunOutcome | 'paused' | 'busy' | 'passed over' | 'unaccounted for';

/** What became of each tick. */
export function fatesOf(ledger: Ledger): Map<number, Fate> {
  return new Map(ledger.ticks.map((tick) => [tick, fateOf(tick, ledger)]));
}

function fateOf(tick: number, { replicas, records, gaps }: Ledger): Fate {
  const record = records.find((run) => run.tick === tick);
  if (record) return record.outcome;
  const answers = told(replicas, 'answered', { tick });
  for (const reason of ['paused', 'busy'] as const)
    if (answers.some((answer) => answer['reason'] === reason)) return reason;
  return gaps.some(({ from, to }) => tick >= from && tick <= to) ? 'passed over' : 'unaccounted for';
}

/** What must never be, in words: empty if the record and the replicas agree, and nothing was run twice. */
export function contradictionsOf(ledger: Ledger): string[] {
  const { replicas, records } = ledger;
  const runs = told(replicas, 'started');
  const unrecorded = runs.filter((run) => !records.some((record) => isOf(record, run)));
  return [
    ...twice(runs.map(({ tick }) => tick)).map((tick) => `tick ${String(tick)} was run twice`),
    ...twice(records.map(({ tick }) => tick)).map((tick) => `tick ${String(tick)} has two records`),
    ...unrecorded.map(({ tick }) => `tick ${String(tick)} was run without a record`),
    ...records.flatMap((record) => problemOf(record, ledger) ?? []),
  ];
}

const told = (replicas: readonly ReplicaProcess[], name: string, details = {}): ReplicaEvent[] =>
  replicas.flatMap(({ events }) => events.filter(event(name, details)));

const twice = <T>(all: readonly T[]): T[] => [...new Set(all.filter((one, i) => all.indexOf(one) !== i))];

const isOf = ({ tick, fencingToken }: RunRecord, run: ReplicaEvent): boolean =>
  tick === run['tick'] && fencingToken === run['fencingToken'];

function problemOf(record: RunRecord, { replicas, killed }: Ledger): string | undefined {
  const { tick, outcome, replica } = record;
  const finished = told(replicas, 'finished', { tick }).some((run) => isOf(record, run));
  switch (outcome) {
    case 'succeeded':
    // On a machine so busy that a lease was not renewed in time.
    case 'lost':
      return finished ? undefined : `tick ${tick} is recorded as ${outcome}, but did not finish`;
    case 'abandoned':
      return killed.has(replica) ? undefined : `tick ${tick} is recorded as abandoned, but ${replica} lives`;
    case 'missed':
      if (told(replicas, 'started', { tick }).length > 0)
        return `tick ${tick} is recorded as missed, but was run`;
      // None if the replica was killed that was to tell it.
      return told(replicas, 'missed', { tick }).length > 1 ? `tick ${tick} was missed twice` : undefined;
    case 'running':
    case 'failed':
      return `tick ${tick} is recorded as ${outcome} in the end`;
  }
}
