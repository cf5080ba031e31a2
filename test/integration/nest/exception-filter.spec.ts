import { Controller, Post, Res, type INestApplication } from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { firstValueFrom, type Observable } from 'rxjs';
import {
  Exclusive,
  ExclusiveLockExceptionFilter,
  ExclusiveLockService,
  LockStoreError,
} from 'nestjs-exclusive-lock';
import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { closeAfterwards, closeApps, compileApp } from './support/nest-apps.js';

afterEach(closeApps);

@Controller('orders')
class Orders {
  @Post('import')
  @Exclusive('import', { whenBusy: 'throw', whenUnavailable: 'throw' })
  async import(): Promise<{ imported: number }> {
    return { imported: 3 };
  }

  @Post('bill')
  @Exclusive('bill', { whenBusy: 'wait', wait: 50 })
  async bill(): Promise<{ billed: number }> {
    return { billed: 1 };
  }

  @Post('broken')
  @Exclusive('broken', { whenBusy: 'throw' })
  async broken(): Promise<never> {
    throw new Error('a fault of its own');
  }

  @Post('export')
  async export(@Res() response: ServerResponse | { raw: ServerResponse }): Promise<void> {
    const raw = 'raw' in response ? response.raw : response;
    raw.write('{}');
    await this.import();
  }
}

const ADAPTERS = [
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
] as const;

async function serve(adapter: () => ExpressAdapter | FastifyAdapter) {
  const kit = new LockTestKit();
  const { module } = await compileApp({
    locks: { store: kit.store },
    controllers: [Orders],
    providers: [{ provide: APP_FILTER, useClass: ExclusiveLockExceptionFilter }],
  });
  const app = closeAfterwards<INestApplication>(module.createNestApplication(adapter()));
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  const post = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}/orders/${path}`, { method: 'POST' });
    const retryAfter = response.headers.get('retry-after');
    return { status: response.status, retryAfter, body: (await response.json()) as object };
  };
  return { kit, post, locks: module.get(ExclusiveLockService) };
}

const busy = {
  status: 409,
  retryAfter: '1',
  body: {
    statusCode: 409,
    error: 'Conflict',
    message: 'This is being done already. Try again later.',
  },
};

const unavailable = {
  status: 503,
  retryAfter: '5',
  body: {
    statusCode: 503,
    error: 'Service Unavailable',
    message: 'This cannot be done at the moment. Try again later.',
  },
};

describe.each(ADAPTERS)('the exception filter on %s', (_, adapter) => {
  it('does not change the answer to a request that acquired its lock', async () => {
    const { post } = await serve(adapter);
    await expect(post('import')).resolves.toEqual({ status: 201, retryAfter: null, body: { imported: 3 } });
  });

  it('answers 409 with Retry-After while another holds the lock, and does not reveal the holder', async () => {
    const { kit, post } = await serve(adapter);
    await kit.holdElsewhere('import');
    await expect(post('import')).resolves.toEqual({ ...busy, body: { ...busy.body, code: 'LOCK_BUSY' } });
  });

  it('answers 503 with Retry-After while the store is down', async () => {
    const { kit, post } = await serve(adapter);
    kit.down();
    const body = { ...unavailable.body, code: 'LOCK_STORE' };
    await expect(post('import')).resolves.toEqual({ ...unavailable, body });
  });

  it('answers 409 after a wait for the holder, and 503 after a wait for the store', async () => {
    const { kit, post } = await serve(adapter);
    const other = await kit.holdElsewhere('bill');
    const waits = passTime(kit, post('bill'));
    await expect(waits).resolves.toEqual({ ...busy, body: { ...busy.body, code: 'LOCK_TIMEOUT' } });
    await other.release();
    kit.down();
    const body = { ...unavailable.body, code: 'LOCK_TIMEOUT' };
    await expect(passTime(kit, post('bill'))).resolves.toEqual({ ...unavailable, body });
  });

  it('ends an answer that has already begun, and the server answers the next request', async () => {
    const { kit, post } = await serve(adapter);
    const other = await kit.holdElsewhere('import');
    await expect(post('export')).resolves.toEqual({ status: 201, retryAfter: null, body: {} });
    await other.release();
    await expect(post('import')).resolves.toMatchObject({ status: 201 });
  });

  it("leaves errors of the work itself to Nest's own filter", async () => {
    const { post } = await serve(adapter);
    await expect(post('broken')).resolves.toMatchObject({ status: 500, retryAfter: null });
  });
});

/** Lets time pass for the locks until the request is answered. */
async function passTime<T>(kit: LockTestKit, request: Promise<T>): Promise<T> {
  const progress = { answered: false };
  const done = request.finally(() => (progress.answered = true));
  while (!progress.answered) await kit.clock.advance(10);
  return done;
}

it('the exception filter never throws after an answer has begun, which Express 4 would not catch', async () => {
  const adapter = new ExpressAdapter();
  const adapterHost = new HttpAdapterHost();
  adapterHost.httpAdapter = adapter;
  const filter = new ExclusiveLockExceptionFilter(adapterHost);
  const thrown: unknown[] = [];
  adapter.get('/', (request: object, response: ServerResponse) => {
    response.write('begun');
    try {
      filter.catch(
        new LockStoreError('away', { mayHaveRun: false }),
        new ExecutionContextHost([request, response]),
      );
    } catch (error) {
      thrown.push(error);
      response.end();
    }
  });
  adapter.initHttpServer({});
  const server = adapter.getHttpServer() as Server;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await expect(answer.text()).resolves.toBe('begun');
  expect(thrown).toEqual([]);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('the exception filter outside of HTTP', () => {
  const error = new LockStoreError('away', { mayHaveRun: false });

  it('passes the error to the caller of a microservice', async () => {
    const host = new ExecutionContextHost([]);
    host.setType('rpc');
    const answer = new ExclusiveLockExceptionFilter(new HttpAdapterHost()).catch(error, host);
    await expect(firstValueFrom(answer as Observable<never>)).rejects.toBe(error);
  });

  it('rethrows the error, so that GraphQL reports it', () => {
    const host = new ExecutionContextHost([]);
    host.setType('graphql');
    expect(() => new ExclusiveLockExceptionFilter(new HttpAdapterHost()).catch(error, host)).toThrow(error);
  });
});
