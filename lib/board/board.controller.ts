import { Get, HttpStatus, Inject, NotFoundException, Query, Req, Res } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { messages } from '../common/messages.js';
import type { BoardOverview, BoardRuns } from './board-json.js';
import { BoardReader } from './board-reader.js';
import { asHttpError } from './http-errors.js';
import { PAGE } from './page.js';
import type { BoardRequest } from './request-checks.js';

/** Browsers and proxies must not keep an answer, nor guess its type. */
const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
} as const;

const PAGE_HEADERS = {
  ...HEADERS,
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': PAGE.contentSecurityPolicy,
} as const;

/**
 * The board, and its data as JSON. It answers through the adapter, so that interceptors of the application cannot wrap
 * its answers.
 */
export class BoardController {
  readonly #reader: BoardReader;
  readonly #adapterHost: HttpAdapterHost;

  constructor(
    @Inject(BoardReader) reader: BoardReader,
    @Inject(HttpAdapterHost) adapterHost: HttpAdapterHost,
  ) {
    this.#reader = reader;
    this.#adapterHost = adapterHost;
  }

  @Get()
  page(@Res() response: unknown): void {
    this.#send(response, PAGE.html, PAGE_HEADERS);
  }

  @Get('api/overview')
  async overview(@Req() request: BoardRequest, @Res() response: unknown): Promise<void> {
    const reading = await this.read(() => this.#reader.overview());
    const overview: BoardOverview = { ...reading, ...this.actionsFor(request, response) };
    this.answer(response, overview);
  }

  @Get('api/runs')
  async runs(@Query('job') job: unknown, @Res() response: unknown): Promise<void> {
    const runs = await this.read(() => this.#reader.runs(String(job)));
    if (!runs) throw new NotFoundException(messages.noJobOnBoard(job));
    const answer: BoardRuns = { runs };
    this.answer(response, answer);
  }

  /** The part of the overview that tells the browser about actions. */
  protected actionsFor(_request: BoardRequest, _response: unknown): Pick<BoardOverview, 'actions' | 'token'> {
    return { actions: false };
  }

  /** @throws HttpException */
  protected async read<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw asHttpError(error);
    }
  }

  protected answer(response: unknown, body: object, status = HttpStatus.OK): void {
    this.#send(response, body, HEADERS, status);
  }

  protected addHeader(response: unknown, name: string, value: string): void {
    this.#adapterHost.httpAdapter.appendHeader(response, name, value);
  }

  /** Makes the next answer tell what an action has changed. */
  protected forget(): void {
    this.#reader.forget();
  }

  #send(
    response: unknown,
    body: unknown,
    headers: Readonly<Record<string, string>>,
    status = HttpStatus.OK,
  ): void {
    const { httpAdapter } = this.#adapterHost;
    for (const [name, value] of Object.entries(headers)) httpAdapter.setHeader(response, name, value);
    httpAdapter.reply(response, body, status);
  }
}
