import type { CanActivate, ControllerOptions, ModuleMetadata, Type } from '@nestjs/common';
import { checkOptions, refuse, type KnownOptions } from '../common/check-options.js';
import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { hasReplicas } from '../stores/open-store.js';

/** Options of `ExclusiveLockBoardModule.forRoot()`. */
export interface ExclusiveLockBoardOptions {
  /**
   * Where the board is, below the global prefix of the application.
   *
   * @default 'locks'
   */
  readonly path?: string | undefined;
  /**
   * The guards that decide who may see the board and act, as for `@UseGuards()`; or `'elsewhere'`, if a global guard or a
   * proxy decides that. Without guards the application does not start in production (`NODE_ENV`) and on Kubernetes.
   */
  readonly guards?: readonly (Type<CanActivate> | CanActivate)[] | 'elsewhere' | undefined;
  /** The modules that export the providers which the guards inject. */
  readonly imports?: ModuleMetadata['imports'] | undefined;
  /**
   * Whether jobs can be paused, resumed and run, and locks released.
   *
   * @default false: there are no routes that change anything
   */
  readonly actions?: boolean | undefined;
  /**
   * The name of the user, from the request, for the record of a pause. Undefined, or empty: `the board`.
   *
   * @example
   * user: (request: Request & { user: { email: string } }) => request.user.email
   */
  readonly user?: ((request: never) => string | undefined) | undefined;
  /**
   * The version of the controller, for an application with versions.
   *
   * @default that of the application
   */
  readonly version?: ControllerOptions['version'];
}

/** The options with their defaults filled in. */
export interface BoardSettings {
  readonly path: string;
  readonly guards: readonly (Type<CanActivate> | CanActivate)[];
  readonly imports: NonNullable<ModuleMetadata['imports']>;
  readonly actions: boolean;
  readonly user: (request: never) => string | undefined;
  readonly version: ControllerOptions['version'];
  /** Whether the board is unprotected. */
  readonly isOpen: boolean;
}

const KNOWN: KnownOptions<ExclusiveLockBoardOptions> = {
  path: true,
  guards: true,
  imports: true,
  actions: true,
  user: true,
  version: true,
};

/**
 * Checks the options and fills in the defaults.
 *
 * @throws LockConfigurationError naming the option, its value and the remedy; and in production, if there are no guards
 */
export function resolveBoardOptions(
  options: ExclusiveLockBoardOptions,
  env: NodeJS.ProcessEnv,
): BoardSettings {
  checkOptions(options, KNOWN, 'ExclusiveLockBoardModule');
  const {
    path = 'locks',
    guards = [],
    imports = [],
    actions = false,
    user = () => undefined,
    version,
  } = options;
  if (typeof path !== 'string' || !/[^/]/.test(path)) refuse('path', 'a path, such as "locks"', path);
  if (guards !== 'elsewhere' && !(Array.isArray(guards) && guards.every(isGuard)))
    refuse(
      'guards',
      "an array of guards, or 'elsewhere' if a global guard or a proxy protects the board",
      guards,
    );
  // A text such as 'false' from the environment would be taken for true.
  if (typeof actions !== 'boolean') refuse('actions', 'true or false', actions);
  if (typeof user !== 'function') refuse('user', 'a function', user);
  const isOpen = guards.length === 0;
  if (isOpen && hasReplicas(env)) throw new LockConfigurationError(messages.boardWithoutGuards());
  return { path, guards: guards === 'elsewhere' ? [] : guards, imports, actions, user, version, isOpen };
}

function isGuard(guard: unknown): boolean {
  return typeof guard === 'function' || typeof (guard as CanActivate | null)?.canActivate === 'function';
}
