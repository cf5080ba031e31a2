import type { ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModule, type TestingModuleBuilder } from '@nestjs/testing';
import {
  ExclusiveLockModule,
  ExclusiveLockService,
  type ExclusiveLockModuleOptions,
} from 'nestjs-exclusive-lock';
import { CapturingLogger } from './capturing-logger.js';

export interface AppOptions extends ModuleMetadata {
  /** Options of the lock module; null leaves the module out. @default { store: 'memory' } */
  readonly locks?: ExclusiveLockModuleOptions | null;
  /** Overrides providers before the application is made. */
  readonly override?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
}

export interface NestApp {
  readonly module: TestingModule;
  readonly locks: ExclusiveLockService;
  readonly log: CapturingLogger;
}

const open = new Set<{ close(): Promise<void> }>();

/** A real application that has run its start hooks. */
export async function startApp(options: AppOptions = {}): Promise<NestApp> {
  const { module, log } = await compileApp(options);
  await module.init();
  return { module, log, locks: module.get(ExclusiveLockService, { strict: false }) };
}

/** An application whose providers are made and whose hooks have not run. */
export async function compileApp({ locks = { store: 'memory' }, override, ...metadata }: AppOptions = {}) {
  const log = new CapturingLogger();
  const imports = [...(metadata.imports ?? []), ...(locks ? [ExclusiveLockModule.forRoot(locks)] : [])];
  const builder = Test.createTestingModule({ ...metadata, imports }).setLogger(log);
  const module = await (override?.(builder) ?? builder).compile();
  closeAfterwards(module);
  return { module, log };
}

/** The error with which an application does not start. */
export async function startFailure(options: AppOptions): Promise<Error> {
  try {
    await startApp(options);
  } catch (error) {
    return error as Error;
  }
  throw new Error('The application started.');
}

/** Has `app` closed by `closeApps()`. */
export function closeAfterwards<T extends { close(): Promise<void> }>(app: T): T {
  open.add(app);
  return app;
}

/** For `afterEach`. */
export async function closeApps(): Promise<void> {
  const apps = [...open];
  open.clear();
  await Promise.all(apps.map((app) => app.close()));
}
