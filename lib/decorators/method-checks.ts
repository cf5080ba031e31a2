import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import type { RunRecords } from '../core/run-records.js';
import type { MethodRole } from '../schedule/method-role.js';
import { decoratedMethods, policyOf, type DecoratedMethod } from './decorated-methods.js';
import { checkOptionsFit } from './fitting-options.js';
import type { ExclusiveOptions } from './exclusive-options.js';
import { handlerKind } from './handlers.js';

/** The scope of a provider. Hooks and schedules are for singletons only. */
export type ProviderScope = 'singleton' | 'transient' | 'request-scoped';

/** A class that the application provides. */
export interface ProvidedClass {
  readonly prototype: unknown;
  readonly scope: ProviderScope;
  /** The name of the module that provides it. */
  readonly module: string;
}

interface NamedMethod {
  readonly prototype: unknown;
  readonly key: string | symbol;
  readonly shared: boolean;
  readonly job: string;
  /** For messages. */
  readonly shown: string;
}

/**
 * The longest delay of a timer. Node.js would fire a longer timer after a millisecond, and a longer interval each
 * millisecond.
 */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Checks at the start what is not known when the class is loaded: `@Cron` may stand above `@Exclusive`, and the module
 * decides the scope of a provider and which other providers there are.
 */
export class MethodChecks {
  readonly #lacksScheduler: boolean;
  readonly #records: RunRecords;
  readonly #byLockName = new Map<string, NamedMethod[]>();

  /** @param lacksScheduler whether a scheduler is needed and missing */
  constructor({ lacksScheduler, records }: { lacksScheduler: boolean; records: RunRecords }) {
    this.#lacksScheduler = lacksScheduler;
    this.#records = records;
  }

  /** @throws LockConfigurationError */
  check(provided: ProvidedClass): void {
    for (const method of decoratedMethods(provided.prototype)) this.#checkMethod(provided, method);
  }

  /** Returns a method that has a lock of that name. */
  readonly lockedBy = (name: string): string | undefined => this.#byLockName.get(name)?.[0]?.shown;

  #checkMethod({ prototype, scope, module }: ProvidedClass, decorated: DecoratedMethod): void {
    const { key, name } = decorated;
    const { method, job, role, options } = policyOf(prototype as object, decorated);
    checkOptionsFit(method, decorated.options, options, role);
    if (role.kind === 'plain') checkHandler(prototype as object, decorated, method, options);
    if (role.kind !== 'plain' && scope !== 'singleton') refuse(messages.notStatic(method, role.kind, scope));
    if (options.missed) this.#records.required(`missed of @Exclusive on ${method}`);
    this.#checkSchedule(method, role);
    if (typeof name !== 'function') {
      const shared = options.shared ?? false;
      this.#checkName(name ?? method, { prototype, key, shared, job, shown: `${method} (in ${module})` });
      return;
    }
    if (role.kind !== 'plain') refuse(messages.nameOfNoArguments(method, role.kind));
    // The names that a function returns are known only when it is called.
    if (decorated.options.shared !== undefined) refuse(messages.sharedNameFunction(method));
  }

  #checkSchedule(method: string, role: MethodRole): void {
    if (role.kind === 'plain' || role.kind === 'start hook') return;
    if (this.#lacksScheduler) refuse(messages.noScheduler(method, role.kind));
    if (role.kind !== 'cron') {
      if (role.ms > LONGEST_TIMER) refuse(messages.timerTooLong(method, role.kind, role.ms, LONGEST_TIMER));
      return;
    }
    const { cronTime } = role.metadata;
    const moment = typeof cronTime === 'object' ? Number(cronTime) : 0;
    // Such a moment was computed when this process loaded the class.
    if (moment % 1000 !== 0) refuse(messages.momentOfThisProcess(method, moment));
  }

  #checkName(name: string, method: NamedMethod): void {
    const known = this.#byLockName.get(name) ?? [];
    // Two modules may provide the same class.
    if (known.some(({ prototype, key }) => prototype === method.prototype && key === method.key)) return;
    const other = method.shared ? known.find(({ shared }) => !shared) : known[0];
    if (other) refuse(messages.oneNameForTwo(name, other.shown, method.shown));
    const alike = known.find(({ job }) => job === method.job);
    if (alike) refuse(messages.oneJobForTwo(name, method.job, alike.shown, method.shown));
    this.#byLockName.set(name, [...known, method]);
  }
}

/** The caller of a handler mistakes a skipped call for a success, so the author must choose that explicitly. */
function checkHandler(
  prototype: object,
  { key, wrapper }: DecoratedMethod,
  method: string,
  { whenBusy }: ExclusiveOptions,
): void {
  if (whenBusy !== undefined) return;
  const seen: unknown = (prototype as Record<string | symbol, unknown>)[key];
  const kind = handlerKind(prototype, key, [seen, wrapper]);
  if (kind) refuse(messages.handlerMustSay(method, kind));
}

function refuse(message: string): never {
  throw new LockConfigurationError(message);
}
