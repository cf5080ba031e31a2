/** What `@Cron` of @nestjs/schedule leaves on a method. */
export interface CronMetadata {
  readonly cronTime: string | { valueOf(): number };
  readonly name?: string;
  readonly timeZone?: unknown;
  readonly utcOffset?: unknown;
}

/** What a decorated method is to the application: who calls it, and when. */
export type MethodRole =
  | { readonly kind: 'cron'; readonly metadata: CronMetadata }
  | { readonly kind: 'interval'; readonly period: number; readonly name: string | undefined }
  | { readonly kind: 'timeout'; readonly name: string | undefined }
  | { readonly kind: 'start hook' }
  | { readonly kind: 'plain' };

/** The names under which @nestjs/schedule 4 to 12 keeps its metadata. */
const CRON = 'SCHEDULE_CRON_OPTIONS';
const INTERVAL = 'SCHEDULE_INTERVAL_OPTIONS';
const TIMEOUT = 'SCHEDULE_TIMEOUT_OPTIONS';
const NAME = 'SCHEDULER_NAME';

const START_HOOKS: readonly (string | symbol)[] = ['onModuleInit', 'onApplicationBootstrap'];
const PLAIN: MethodRole = { kind: 'plain' };
const START_HOOK: MethodRole = { kind: 'start hook' };

/** @param functions the method as others see it, outermost first: the metadata is on one of them */
export function roleOf(key: string | symbol, functions: readonly unknown[]): MethodRole {
  for (const method of functions) {
    const role = typeof method === 'function' ? scheduledRole(method) : undefined;
    if (role) return role;
  }
  return START_HOOKS.includes(key) ? START_HOOK : PLAIN;
}

function scheduledRole(method: object): MethodRole | undefined {
  const cron = Reflect.getMetadata(CRON, method) as CronMetadata | undefined;
  if (cron) return { kind: 'cron', metadata: cron };
  const name = Reflect.getMetadata(NAME, method) as string | undefined;
  const interval = Reflect.getMetadata(INTERVAL, method) as { timeout: number } | undefined;
  if (interval) return { kind: 'interval', period: interval.timeout, name };
  return Reflect.hasMetadata(TIMEOUT, method) ? { kind: 'timeout', name } : undefined;
}
