import {
  Controller,
  Inject,
  Logger,
  Module,
  UseGuards,
  type DynamicModule,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { messages } from '../common/messages.js';
import { BOARD_SETTINGS, BoardActionsController } from './board-actions.controller.js';
import { resolveBoardOptions, type BoardSettings, type ExclusiveLockBoardOptions } from './board-options.js';
import { BoardReader } from './board-reader.js';
import { BoardController } from './board.controller.js';

/**
 * A page with the jobs of all replicas, the locks that are held, and a timeline of who ran what; see docs/board.md. Import it
 * beside `ExclusiveLockModule`.
 *
 * @example
 * ExclusiveLockBoardModule.forRoot({ path: 'locks', guards: [AdminGuard], actions: true })
 */
@Module({})
export class ExclusiveLockBoardModule implements OnModuleInit {
  readonly #settings: BoardSettings;

  constructor(@Inject(BOARD_SETTINGS) settings: BoardSettings) {
    this.#settings = settings;
  }

  /**
   * @throws LockConfigurationError for a bad option, and in production if there are no guards
   */
  static forRoot(options: ExclusiveLockBoardOptions = {}): DynamicModule {
    const settings = resolveBoardOptions(options, process.env);
    return {
      module: ExclusiveLockBoardModule,
      imports: settings.imports,
      controllers: [controllerFor(settings)],
      providers: [BoardReader, { provide: BOARD_SETTINGS, useValue: settings }],
    };
  }

  onModuleInit(): void {
    const { isOpen, path, actions } = this.#settings;
    if (isOpen) new Logger('ExclusiveLockBoard').warn(messages.boardIsOpen(path, actions));
  }
}

/** A controller of its own for each board: Nest keeps path and guards with the class. */
function controllerFor({ path, version, guards, actions }: BoardSettings): Type {
  const Base: Type = actions ? BoardActionsController : BoardController;
  class ExclusiveLockBoardController extends Base {}
  Controller({ path, version })(ExclusiveLockBoardController);
  UseGuards(...guards)(ExclusiveLockBoardController);
  return ExclusiveLockBoardController;
}
