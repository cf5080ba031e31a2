import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import type { Tick } from '../stores/lock-store.js';

/** The identity of one intended run. */
export interface Occurrence {
  /** The nominal time of a schedule's tick. Not granted before that time, nor after a later tick of the series. */
  readonly tick: Date;
  /**
   * Which schedule, where several share a lock: each has ticks of its own.
   *
   * @default ''
   */
  readonly series?: string;
}

/** @throws LockConfigurationError */
export function tickOf(occurrence: Occurrence): Tick {
  const { tick, series = '' } = occurrence;
  const time = tick instanceof Date ? tick.getTime() : Number.NaN;
  if (Number.isNaN(time))
    throw new LockConfigurationError(messages.wrongType('occurrence.tick', 'a valid Date', tick));
  return { time, series };
}
