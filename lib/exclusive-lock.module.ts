import {
  ConfigurableModuleBuilder,
  Inject,
  Logger,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { checkIsObject } from './common/check-options.js';
import { LockConfigurationError } from './common/errors.js';
import { messages } from './common/messages.js';
import { OutageLog } from './common/outage-log.js';
import type { LockManager } from './core/lock-manager.js';
import { DecoratedJobs } from './decorators/decorated-jobs.js';
import { ExclusiveRunner } from './decorators/exclusive-runner.js';
import { LeaderElections } from './decorators/leader-elections.js';
import { MethodChecks, type ProviderScope } from './decorators/method-checks.js';
import { mayUseRunner, supplyRunner } from './decorators/runner-property.js';
import {
  COMMON_OPTIONS,
  resolveSettings,
  type ExclusiveLockModuleOptions,
  type ResolvedSettings,
} from './exclusive-lock.options.js';
import { ExclusiveLockService } from './exclusive-lock.service.js';
import { openLockManager } from './locks/open-lock-manager.js';
import { JobsInBackground } from './jobs-in-background.js';
import { AskedTicks } from './schedule/asked-ticks.js';
import { MethodOccurrences } from './schedule/method-occurrences.js';
import { MissedTicks } from './schedule/missed-ticks.js';
import { SchedulerWatch } from './schedule/scheduler-watch.js';
import {
  ExclusiveLockShutdownModule,
  ShutdownOrder,
  destroyedTooEarly,
  placeModule,
} from './shutdown-order.js';
import { EXCLUSIVE_RUNNER, LOCAL_JOBS, LOCK_MANAGER, LOCK_OUTAGES, LOCK_SETTINGS } from './tokens.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<ExclusiveLockModuleOptions>({ moduleName: 'ExclusiveLock' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createExclusiveLockOptions')
    .setExtras({ isGlobal: true }, (definition, { isGlobal }) => ({ ...definition, global: isGlobal }))
    .build();

function refuseWithoutForRoot(): never {
  throw new LockConfigurationError(messages.noForRoot());
}

const FOR_ROOT = {
  of: 'ExclusiveLockModule',
  known: { ...COMMON_OPTIONS, version: true, ticks: true, catalogue: true, isGlobal: true },
  defaultLogger: new Logger('ExclusiveLock'),
} as const;

function resolveOptions(options: ExclusiveLockModuleOptions): ResolvedSettings {
  return resolveSettings(options, FOR_ROOT);
}

function openOutageLog({ logger }: ResolvedSettings): OutageLog {
  return new OutageLog(logger);
}

/**
 * Provides {@link ExclusiveLockService} and makes `@Exclusive` and `@LeaderElection` work. Import it once, in the root
 * module. It is global unless you set `isGlobal: false`.
 *
 * @example
 * ExclusiveLockModule.forRoot({ redis: 'redis://cache:6379' })
 * @example
 * ExclusiveLockModule.forRootAsync({
 *   inject: [ConfigService],
 *   useFactory: (config: ConfigService) => ({ redis: config.getOrThrow('REDIS_URL') }),
 * })
 */
@Module({
  imports: [ExclusiveLockShutdownModule],
  providers: [
    // forRoot() and forRootAsync() replace this provider.
    { provide: MODULE_OPTIONS_TOKEN, useFactory: refuseWithoutForRoot },
    { provide: LOCK_SETTINGS, inject: [MODULE_OPTIONS_TOKEN], useFactory: resolveOptions },
    { provide: LOCK_OUTAGES, inject: [LOCK_SETTINGS], useFactory: openOutageLog },
    {
      provide: LOCK_MANAGER,
      inject: [MODULE_OPTIONS_TOKEN, LOCK_SETTINGS, LOCK_OUTAGES],
      // Nest awaits this before any `onModuleInit`, so decorated hooks find the store open.
      useFactory: openLockManager,
    },
    ExclusiveLockService,
    SchedulerWatch,
    MethodOccurrences,
    AskedTicks,
    MissedTicks,
    DecoratedJobs,
    { provide: LOCAL_JOBS, useExisting: DecoratedJobs },
    JobsInBackground,
    ExclusiveRunner,
    LeaderElections,
    { provide: EXCLUSIVE_RUNNER, useExisting: ExclusiveRunner },
  ],
  exports: [ExclusiveLockService, EXCLUSIVE_RUNNER],
})
export class ExclusiveLockModule
  extends ConfigurableModuleClass
  implements
    OnModuleInit,
    OnApplicationBootstrap,
    OnModuleDestroy,
    BeforeApplicationShutdown,
    OnApplicationShutdown
{
  readonly #locks: LockManager;
  readonly #runner: ExclusiveRunner;
  readonly #jobs: DecoratedJobs;
  readonly #modules: ModulesContainer;
  readonly #scheduler: SchedulerWatch;
  readonly #settings: ResolvedSettings;
  readonly #shutdown: ShutdownOrder;
  readonly #elections: LeaderElections;

  constructor(
    @Inject(LOCK_MANAGER) locks: LockManager,
    @Inject(EXCLUSIVE_RUNNER) runner: ExclusiveRunner,
    @Inject(DecoratedJobs) jobs: DecoratedJobs,
    @Inject(JobsInBackground) background: JobsInBackground,
    @Inject(ModulesContainer) modules: ModulesContainer,
    @Inject(SchedulerWatch) scheduler: SchedulerWatch,
    @Inject(LOCK_SETTINGS) settings: ResolvedSettings,
    @Inject(ShutdownOrder) shutdown: ShutdownOrder,
    @Inject(LeaderElections) elections: LeaderElections,
  ) {
    super();
    this.#locks = locks;
    this.#runner = runner;
    this.#jobs = jobs;
    this.#modules = modules;
    this.#scheduler = scheduler;
    this.#settings = settings;
    this.#shutdown = shutdown;
    this.#elections = elections;
    shutdown.add(locks, background);
    if (settings.ticks) shutdown.whenStarted(() => elections.campaign());
    placeModule(new.target, 'deepest', modules);
  }

  /**
   * Imports the module. Without options, the locks live in `REDIS_URL` if it is set, else in the local store; in
   * production that is an error.
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    // Nest would copy a string character by character.
    checkIsObject(options, 'ExclusiveLockModule');
    return super.forRoot(options);
  }

  /** Nest injects properties into objects that it constructs. Objects that a factory made get the runner here. */
  onModuleInit(): void {
    const { ticks, needsScheduler, logger } = this.#settings;
    if (!ticks) logger.log(messages.noTicks());
    const early = destroyedTooEarly(this.#modules);
    if (early.length > 0) logger.warn(messages.destroyedTooEarly(early));
    this.#scheduler.watchInstances();
    const lacksScheduler = needsScheduler && !this.#scheduler.found;
    const checks = new MethodChecks({ lacksScheduler, records: this.#locks.records });
    for (const { providers, controllers, name: module } of this.#modules.values()) {
      for (const wrapper of [...providers.values(), ...controllers.values()]) {
        const { instance, metatype } = wrapper;
        const prototype: unknown = instance ? Object.getPrototypeOf(instance) : metatype?.prototype;
        supplyRunner(instance, this.#runner);
        const scope = scopeOf(wrapper);
        // Request-scoped objects do not have their real runner yet.
        if (scope === 'singleton' && !mayUseRunner(instance, this.#runner)) continue;
        checks.check({ prototype, scope, module });
        this.#elections.add({ prototype, scope, module }, instance);
        if (scope === 'singleton' && typeof instance === 'object' && instance) this.#jobs.add(instance);
      }
    }
    this.#elections.checkNames(checks.lockedBy);
  }

  onApplicationBootstrap(): void {
    this.#shutdown.bootstrap('deepest');
  }

  /** The scheduler keeps firing until later in the shutdown. */
  onModuleDestroy(): Promise<void> {
    return this.#shutdown.destroy('deepest');
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.#shutdown.beforeShutdown('deepest');
  }

  onApplicationShutdown(): Promise<void> {
    return this.#shutdown.shutdown('deepest');
  }
}

function scopeOf(wrapper: InstanceWrapper): ProviderScope {
  if (wrapper.isTransient) return 'transient';
  return wrapper.isDependencyTreeStatic() ? 'singleton' : 'request-scoped';
}
