import { checkDuration } from '../common/duration.js';
import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import type { LeaseOptions } from '../core/lease-options.js';
import { DEFAULT_RETRY, type Occurrence } from '../core/occurrence.js';
import type { MethodRole } from '../schedule/method-role.js';
import { mergeOptions, type ExclusiveOptions } from './exclusive-options.js';

type Kind = MethodRole['kind'];
/** The options that do not apply to every method. */
type OptionOfRoles = Exclude<keyof ExclusiveOptions, keyof LeaseOptions | 'shared' | 'job'>;

/** The kinds of methods to which an option applies. */
const MEANT_FOR: Record<OptionOfRoles, readonly Kind[]> = {
  onHolderDeath: ['cron'],
  maxAttempts: ['cron'],
  missed: ['cron'],
  minGap: ['plain'],
  version: ['start hook', 'timeout'],
  remember: ['start hook', 'timeout'],
  standbyTimeout: ['start hook'],
  whenTimedOut: ['start hook'],
  whenBusy: ['plain'],
  wait: ['plain'],
  whenUnavailable: ['plain', 'cron', 'interval', 'timeout'],
  retryFor: ['cron', 'interval', 'timeout'],
};

/** The options of a method: its own, completed by those defaults of its class that apply to it. */
export function fittingOptions(
  own: ExclusiveOptions,
  defaults: ExclusiveOptions,
  { kind }: MethodRole,
): ExclusiveOptions {
  const fitting = Object.entries(defaults).filter(
    ([option, value]) =>
      (!isOfRoles(option) || MEANT_FOR[option].includes(kind)) && !hasNobodyToThrowAt(option, value, kind),
  );
  return mergeOptions(own, Object.fromEntries(fitting));
}

/**
 * How long a scheduled call is retried while the store is away. A call by hand is not retried, because its caller
 * waits.
 */
export function retryOf(
  { retryFor, whenUnavailable }: ExclusiveOptions,
  role: MethodRole,
  occurrence: Occurrence | undefined,
): number {
  const hasMoment = occurrence?.tick !== undefined || role.kind === 'interval' || role.kind === 'timeout';
  if (!hasMoment) return 0;
  const wanted = checkDuration('retryFor', retryFor ?? (whenUnavailable === 'run' ? 0 : DEFAULT_RETRY), 0);
  // An interval is called again then.
  return role.kind === 'interval' ? Math.min(wanted, role.ms) : wanted;
}

/**
 * Refuses options of a method that would have no effect on it.
 *
 * @param method `Class.method`, for the message
 * @param fitting its options, completed by the defaults of its class
 * @throws LockConfigurationError
 */
export function checkOptionsFit(
  method: string,
  own: ExclusiveOptions,
  { whenBusy, wait, onHolderDeath }: ExclusiveOptions,
  role: MethodRole,
): void {
  const { kind } = role;
  for (const option of Object.keys(MEANT_FOR) as OptionOfRoles[]) {
    const [value, kinds] = [own[option], MEANT_FOR[option]];
    if (value === undefined) continue;
    if (!kinds.includes(kind)) refuse(messages.optionElsewhere(option, method, kinds, kind));
    if (hasNobodyToThrowAt(option, value, kind)) refuse(messages.nobodyToThrowAt(method, kind));
  }
  if (own.missed !== undefined && role.kind === 'cron' && typeof role.metadata.cronTime === 'object')
    refuse(messages.missedOfOneMoment(method));
  if (own.maxAttempts !== undefined && onHolderDeath !== 'rerun')
    refuse(messages.attemptsWithoutRerun(method, own.maxAttempts));
  if (own.wait !== undefined && whenBusy !== 'wait') refuse(messages.waitWithoutWhenBusy(method, own.wait));
  if (own.whenUnavailable !== undefined && whenBusy === 'wait' && wait === undefined)
    refuse(messages.neverUnavailable(method, own.whenUnavailable));
}

/** A scheduled call has no caller that could catch an error: each replica would log one each time. */
function hasNobodyToThrowAt(option: string, value: unknown, kind: Kind): boolean {
  return option === 'whenUnavailable' && value === 'throw' && kind !== 'plain';
}

function isOfRoles(option: string): option is OptionOfRoles {
  return Object.hasOwn(MEANT_FOR, option);
}

function refuse(message: string): never {
  throw new LockConfigurationError(message);
}
