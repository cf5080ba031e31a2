import type { AddressInfo } from 'node:net';
import { Injectable, type INestApplication, type OnModuleInit, type Type } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Cron, Interval, ScheduleModule } from '@nestjs/schedule';
import { Exclusive, ExclusiveLockService, type ExclusiveLockModuleOptions } from 'nestjs-exclusive-lock';
import {
  ExclusiveLockBoardModule,
  type BoardOverview,
  type ExclusiveLockBoardOptions,
} from 'nestjs-exclusive-lock/board';
import { closeAfterwards, compileApp, type AppOptions } from '../../nest/support/nest-apps.js';

const HOUR = 3_600_000;

export const ADAPTERS = [
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
] as const;

/** Jobs that only a test runs. */
@Injectable()
export class Jobs implements OnModuleInit {
  /** What the nightly job does. */
  static work: () => unknown = () => undefined;

  @Cron('0 0 3 1 1 *', { timeZone: 'Europe/Berlin' })
  @Exclusive('nightly')
  async nightly(): Promise<void> {
    await Jobs.work();
  }

  @Interval('sync', HOUR)
  @Exclusive('sync')
  async sync(): Promise<void> {}

  @Exclusive('migrate', { version: '1' })
  async onModuleInit(): Promise<void> {}
}

export interface BoardOptions {
  readonly board?: ExclusiveLockBoardOptions;
  readonly locks?: ExclusiveLockModuleOptions;
  readonly adapter?: () => ExpressAdapter | FastifyAdapter;
  readonly app?: AppOptions;
  readonly jobs?: readonly Type[];
  /** Before the application listens. */
  readonly prepare?: (app: INestApplication) => unknown;
}

/** An application with a board, and a client of it. */
export async function serveBoard({
  board = {},
  locks = { store: 'memory', replica: 'one' },
  adapter = ADAPTERS[0][1],
  app: more = {},
  jobs = [Jobs],
  prepare,
}: BoardOptions = {}) {
  const { module, log } = await compileApp({
    ...more,
    locks,
    imports: [ScheduleModule.forRoot(), ExclusiveLockBoardModule.forRoot(board), ...(more.imports ?? [])],
    providers: [...jobs, ...(more.providers ?? [])],
  });
  const app = closeAfterwards<INestApplication>(module.createNestApplication(adapter()));
  await prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  return {
    app,
    log,
    locks: module.get(ExclusiveLockService, { strict: false }),
    client: new BoardClient(`http://127.0.0.1:${port}/`),
  };
}

export interface BoardReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Asks a board as a browser's page does. */
export class BoardClient {
  readonly #origin: string;
  #cookie: string | undefined;
  #token: string | undefined;

  constructor(origin: string) {
    this.#origin = origin;
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<BoardReply> {
    return this.#ask(path, { headers: { ...(this.#cookie && { cookie: this.#cookie }), ...headers } });
  }

  async overview(at = 'locks'): Promise<BoardOverview> {
    const { status, headers, body } = await this.get(`${at}/api/overview`);
    if (status !== 200) throw new Error(`The board answers ${status}: ${JSON.stringify(body)}`);
    this.#cookie = headers.getSetCookie()[0]?.split(';')[0] ?? this.#cookie;
    this.#token = body['token'] as string | undefined;
    return body as unknown as BoardOverview;
  }

  /** With the token, after `overview()`. An empty text takes a header out. */
  async post(action: string, body: unknown, headers: Record<string, string> = {}): Promise<BoardReply> {
    const all = {
      'content-type': 'application/json',
      cookie: this.#cookie ?? '',
      'x-exclusive-lock-token': this.#token ?? '',
      ...headers,
    };
    const given = Object.entries(all).filter(([, value]) => value !== '');
    return this.#ask(`locks/api/${action}`, {
      method: 'POST',
      headers: Object.fromEntries(given),
      body: JSON.stringify(body),
    });
  }

  async #ask(path: string, init: RequestInit): Promise<BoardReply> {
    const response = await fetch(this.#origin + path, init);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    const body = (isJson ? JSON.parse(text) : {}) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, text, body };
  }
}
