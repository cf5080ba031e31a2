import type { RunOutcome, RunRecord } from '../../lib/stores/lock-store.js';
import { event } from './history.js';
import type { ReplicaEvent, ReplicaProcess } from './replica-process.js';

/** Ticks of which one event says that no replica ran them. */
export interface Told {
  /** The first of them. */
  readonly tick: number;
  readonly count: number;
}

/** What a trial has seen of the ticks of one job. */
export interface Ledger {
  readonly ticks: readonly number[];
  readonly period: number;
  readonly replicas: readonly ReplicaProcess[];
  /** The replicas that were killed, by name. */
  readonly killed: ReadonlySet<string>;
  /** In the order of their ticks. */
  readonly records: readonly RunRecord[];
  /** Every event `missed`. */
  readonly told: readonly Told[];
}

/**
 * What became of a tick. `overrun`: it came due before the run of the tick before it had ended. `untold`: the replica that was to tell that
 * nobody ran it was killed before the grant reached it.
 */
export type Fate = RunOutcome | 'paused' | 'overrun' | 'untold' | 'unaccounted for';

/** What became of each tick. */
export function fatesOf(ledger: Ledger): Map<number, Fate> {
  return new Map(ledger.ticks.map((tick) => [tick, fateOf(tick, ledger)]));
}

function fateOf(tick: number, ledger: Ledger): Fate {
  const { replicas, records } = ledger;
  const record = records.find((run) => run.tick === tick);
  if (record) return record.outcome;
  if (tellings(tick, ledger) > 0) return 'missed';
  if (said(replicas, 'answered', { tick, reason: 'paused' }).length > 0) return 'paused';
  const before = records.findLast((run) => run.tick !== undefined && run.tick < tick);
  if (before && before.started + (before.duration ?? 0) >= tick) return 'overrun';
  return isTellerKilled(tick, ledger) ? 'untold' : 'unaccounted for';
}

/** How many events say that nobody ran this tick. */
function tellings(tick: number, { told, period }: Ledger): number {
  return told.filter((missed) => missed.tick <= tick && tick < missed.tick + missed.count * period).length;
}

/** The first run after the tick is that of a replica which was killed before it could begin. */
function isTellerKilled(tick: number, { replicas, killed, records }: Ledger): boolean {
  const next = records.find((run) => run.tick !== undefined && run.tick > tick);
  if (!next || !killed.has(next.replica)) return false;
  return !said(replicas, 'started', { tick: next.tick }).some((run) => isOf(next, run));
}

/** What must never be, in words: empty if the record and the replicas agree, and nothing was run twice. */
export function contradictionsOf(ledger: Ledger): string[] {
  const { replicas, records, ticks } = ledger;
  const runs = said(replicas, 'started');
  const unrecorded = runs.filter((run) => !records.some((record) => isOf(record, run)));
  return [
    ...twice(runs.map(({ tick }) => tick)).map((tick) => `tick ${String(tick)} was run twice`),
    ...twice(records.map(({ tick }) => tick)).map((tick) => `tick ${String(tick)} has two records`),
    ...unrecorded.map(({ tick }) => `tick ${String(tick)} was run without a record`),
    ...ticks.filter((tick) => tellings(tick, ledger) > 1).map((tick) => `tick ${tick} was told twice`),
    ...records.flatMap((record) => problemOf(record, ledger) ?? []),
  ];
}

const said = (replicas: readonly ReplicaProcess[], name: string, details = {}): ReplicaEvent[] =>
  replicas.flatMap(({ events }) => events.filter(event(name, details)));

const twice = <T>(all: readonly T[]): T[] => [...new Set(all.filter((one, i) => all.indexOf(one) !== i))];

const isOf = ({ tick, fencingToken }: RunRecord, run: ReplicaEvent): boolean =>
  tick === run['tick'] && fencingToken === run['fencingToken'];

function problemOf(record: RunRecord, ledger: Ledger): string | undefined {
  const { replicas, killed } = ledger;
  const { tick, outcome, replica } = record;
  if (outcome !== 'missed' && tellings(tick!, ledger) > 0)
    return `tick ${tick} is recorded as ${outcome}, but was told as missed`;
  const finished = said(replicas, 'finished', { tick }).some((run) => isOf(record, run));
  switch (outcome) {
    case 'succeeded':
    // On a machine so busy that a lease was not renewed in time.
    case 'lost':
      return finished ? undefined : `tick ${tick} is recorded as ${outcome}, but did not finish`;
    case 'abandoned':
      return killed.has(replica) ? undefined : `tick ${tick} is recorded as abandoned, but ${replica} lives`;
    case 'missed':
      return said(replicas, 'started', { tick }).length > 0
        ? `tick ${tick} is recorded as missed, but was run`
        : undefined;
    case 'running':
    case 'failed':
      return `tick ${tick} is recorded as ${outcome} in the end`;
  }
}
