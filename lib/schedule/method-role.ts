/** The metadata that `@Cron` of @nestjs/schedule puts on a method. */
export interface CronMetadata {
  readonly cronTime: string | { valueOf(): unknown };
  readonly name?: string;
  readonly timeZone?: string;
}

/** The metadata that `@Interval` and `@Timeout` put on a method. */
interface Timer {
  readonly timeout: number;
}

/** The role of a decorated method in the application: what calls it, and when. */
export type MethodRole =
  | { readonly kind: 'cron'; readonly metadata: CronMetadata }
  | { readonly kind: 'interval' | 'timeout'; readonly ms: number; readonly name: string | undefined }
  | { readonly kind: 'start hook' }
  | { readonly kind: 'plain' };

/** The names under which @nestjs/schedule 4 to 12 keeps its metadata. */
const TYPE = 'SCHEDULER_TYPE';
const NAME = 'SCHEDULER_NAME';
const CRON = 'SCHEDULE_CRON_OPTIONS';
const INTERVAL = 'SCHEDULE_INTERVAL_OPTIONS';
const TIMEOUT = 'SCHEDULE_TIMEOUT_OPTIONS';
const SchedulerType = { CRON: 1, TIMEOUT: 2, INTERVAL: 3 } as const;

const START_HOOKS: readonly (string | symbol)[] = ['onModuleInit', 'onApplicationBootstrap'];
const PLAIN: MethodRole = { kind: 'plain' };
const START_HOOK: MethodRole = { kind: 'start hook' };

/** @param functions the method and its wrappers, outermost first: the metadata is on one of them */
export function roleOf(key: string | symbol, functions: readonly unknown[]): MethodRole {
  for (const method of functions) {
    const role = typeof method === 'function' ? scheduledRole(method) : undefined;
    if (role) return role;
  }
  return innerRoleOf(key);
}

/** The role of a method that only another decorated one calls. */
export function innerRoleOf(key: string | symbol): MethodRole {
  return START_HOOKS.includes(key) ? START_HOOK : PLAIN;
}

/** The name of the method's job, if its author gave it one. */
export function jobName(role: MethodRole): string | undefined {
  if (role.kind === 'cron') return role.metadata.name;
  return 'name' in role ? role.name : undefined;
}

/** Nest follows the last of its decorators. The others leave metadata as well. */
function scheduledRole(method: object): MethodRole | undefined {
  const read = (key: string): unknown => Reflect.getMetadata(key, method);
  const name = read(NAME) as string | undefined;
  switch (read(TYPE)) {
    case SchedulerType.CRON:
      return { kind: 'cron', metadata: read(CRON) as CronMetadata };
    case SchedulerType.INTERVAL:
      return { kind: 'interval', ms: (read(INTERVAL) as Timer).timeout, name };
    case SchedulerType.TIMEOUT:
      return { kind: 'timeout', ms: (read(TIMEOUT) as Timer).timeout, name };
    default:
      return undefined;
  }
}
