import {
  Body,
  ConflictException,
  ForbiddenException,
  HttpStatus,
  Inject,
  Logger,
  Post,
  Req,
  Res,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { refuse } from '../common/check-options.js';
import { messages } from '../common/messages.js';
import { ExclusiveLockService } from '../exclusive-lock.service.js';
import type { JobName } from '../locks/job-types.js';
import type { BoardActed, BoardOverview } from './board-json.js';
import type { BoardSettings } from './board-options.js';
import { BoardReader } from './board-reader.js';
import { BoardController } from './board.controller.js';
import { hasToken, isSameOrigin, tokenFor, type BoardRequest } from './request-checks.js';
import { startByHand } from './start-by-hand.js';

/** The token of the settings. A string, for messages of Nest. */
export const BOARD_SETTINGS = 'EXCLUSIVE_LOCK_BOARD_SETTINGS';

const NAME_OF_USER = 'the board';

/** A board that can change something. */
export class BoardActionsController extends BoardController {
  readonly #locks: ExclusiveLockService;
  readonly #settings: BoardSettings;
  readonly #logger = new Logger('ExclusiveLockBoard');

  constructor(
    @Inject(BoardReader) reader: BoardReader,
    @Inject(HttpAdapterHost) adapterHost: HttpAdapterHost,
    @Inject(ExclusiveLockService) locks: ExclusiveLockService,
    @Inject(BOARD_SETTINGS) settings: BoardSettings,
  ) {
    super(reader, adapterHost);
    this.#locks = locks;
    this.#settings = settings;
  }

  @Post('api/pause')
  async pause(@Req() request: BoardRequest, @Body() body: unknown, @Res() response: unknown): Promise<void> {
    await this.#act(request, response, async () => {
      const { reason, until } = fieldsOf(body);
      const by = this.#settings.user(request as never) || NAME_OF_USER;
      await this.#locks.jobs.pause(jobIn(body), {
        reason: textOf('reason', reason),
        by,
        until: dateOf(until),
      });
      return { status: 'done' };
    });
  }

  @Post('api/resume')
  async resume(@Req() request: BoardRequest, @Body() body: unknown, @Res() response: unknown): Promise<void> {
    await this.#act(request, response, async () => {
      await this.#locks.jobs.resume(jobIn(body));
      return { status: 'done' };
    });
  }

  @Post('api/run')
  async run(@Req() request: BoardRequest, @Body() body: unknown, @Res() response: unknown): Promise<void> {
    const job = (): JobName & object => jobIn(body);
    await this.#act(request, response, () =>
      startByHand(this.#locks, job(), (error) =>
        this.#logger.error(messages.runFromBoardFailed(job().job, error)),
      ),
    );
  }

  @Post('api/release')
  async release(
    @Req() request: BoardRequest,
    @Body() body: unknown,
    @Res() response: unknown,
  ): Promise<void> {
    await this.#act(request, response, async () => {
      const { name, fencingToken } = fieldsOf(body);
      const released = await this.#locks.forceRelease(textOf('name', name), {
        fencingToken: fencingToken as number,
      });
      if (!released) throw new ConflictException(messages.notReleased(String(name)));
      return { status: 'done' };
    });
  }

  protected override actionsFor(
    request: BoardRequest,
    response: unknown,
  ): Pick<BoardOverview, 'actions' | 'token'> {
    const { token, cookie } = tokenFor(request);
    if (cookie) this.addHeader(response, 'Set-Cookie', cookie);
    return { actions: true, token };
  }

  async #act(request: BoardRequest, response: unknown, action: () => Promise<BoardActed>): Promise<void> {
    if (!isSameOrigin(request)) throw new ForbiddenException(messages.fromAnotherSite());
    if (!hasToken(request)) throw new ForbiddenException(messages.noBoardToken());
    const acted = await this.read(action);
    this.forget();
    this.answer(response, acted, acted.status === 'started' ? HttpStatus.ACCEPTED : HttpStatus.OK);
  }
}

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null) refuse('the body', 'a JSON object', body);
  return body as Record<string, unknown>;
}

function jobIn(body: unknown): { readonly name: string; readonly job: string } {
  const { name, job } = fieldsOf(body);
  return { name: textOf('name', name), job: textOf('job', job) };
}

function textOf(field: string, value: unknown): string {
  if (typeof value !== 'string') refuse(field, 'a string', value);
  return value;
}

function dateOf(until: unknown): Date | undefined {
  if (until === undefined || until === null) return undefined;
  const date = typeof until === 'string' ? new Date(until) : undefined;
  if (!date || Number.isNaN(date.getTime())) refuse('until', 'a time such as "2026-12-01T06:00:00Z"', until);
  return date;
}
