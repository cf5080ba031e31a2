import {
  Controller,
  ForbiddenException,
  Get,
  HttpCode,
  Injectable,
  Param,
  ParseIntPipe,
  Post,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
} from '@nestjs/common';
import type { AddressInfo } from 'node:net';
import { map, type Observable } from 'rxjs';
import { Exclusive, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { Gate } from './support/gate.js';
import { closeAfterwards, closeApps, compileApp } from './support/nest-apps.js';

afterEach(closeApps);

/** Lets in who says the word; notes on which method it was asked. */
@Injectable()
class Doorman implements CanActivate {
  static asked: string[] = [];

  canActivate(context: ExecutionContext): boolean {
    Doorman.asked.push(`${context.getClass().name}.${context.getHandler().name}`);
    return context.switchToHttp().getRequest<{ url: string }>().url.endsWith('?please');
  }
}

@Injectable()
class Envelope implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((letter: unknown) => ({ letter })));
  }
}

type Letter = { id: number; type: string; lock: string | undefined };

const letter = (id: number): Letter => ({ id, type: typeof id, lock: ExclusiveLockService.current()?.name });

@Controller('letters')
class Letters {
  static gate: Gate;

  @Exclusive('letters-above', { whenBusy: 'skip' })
  @Get('above/:id')
  @UseGuards(Doorman)
  @UseInterceptors(Envelope)
  async above(@Param('id', ParseIntPipe) id: number): Promise<Letter | undefined> {
    return letter(id);
  }

  @Get('below/:id')
  @UseGuards(Doorman)
  @UseInterceptors(Envelope)
  @Exclusive('letters-below', { whenBusy: 'skip' })
  async below(@Param('id', ParseIntPipe) id: number): Promise<Letter | undefined> {
    return letter(id);
  }

  @UseInterceptors(Envelope)
  // @ts-expect-error JavaScript may, and Nest awaits the promise
  @Exclusive('letters-between', { whenBusy: 'skip' })
  @Get('between/:id')
  between(@Param('id', ParseIntPipe) id: number) {
    return letter(id);
  }

  @Post('slow')
  @HttpCode(202)
  @Exclusive(undefined, { whenBusy: 'skip' })
  async slow(): Promise<{ sent: boolean } | undefined> {
    await Letters.gate.pass();
    return { sent: true };
  }

  @Get('failing')
  @Exclusive(undefined, { whenBusy: 'skip' })
  async failing(): Promise<undefined> {
    throw new ForbiddenException('not today');
  }
}

async function serve() {
  const { module, log } = await compileApp({ controllers: [Letters], providers: [Doorman, Envelope] });
  const app = closeAfterwards<INestApplication>(module.createNestApplication());
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  const request = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${port}/letters/${path}`, init);
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  };
  return { request, locks: module.get(ExclusiveLockService), log };
}

beforeEach(() => {
  Doorman.asked = [];
  Letters.gate = new Gate();
});

describe.each(['above', 'below'])('@Exclusive %s the decorators of a route', (where) => {
  it('runs the route under its lock, with guard, pipe and interceptor', async () => {
    const { request } = await serve();
    await expect(request(`${where}/7?please`)).resolves.toEqual({
      status: 200,
      body: { letter: { id: 7, type: 'number', lock: `letters-${where}` } },
    });
    expect(Doorman.asked).toEqual([`Letters.${where}`]);
  });

  it('lets the guard and the pipe answer if they refuse the request', async () => {
    const { request } = await serve();
    await expect(request(`${where}/7`)).resolves.toMatchObject({ status: 403 });
    await expect(request(`${where}/seven?please`)).resolves.toMatchObject({ status: 400 });
  });
});

describe('a route with @Exclusive', () => {
  it('works between two decorators and on a synchronous method', async () => {
    const { request } = await serve();
    await expect(request('between/3')).resolves.toEqual({
      status: 200,
      body: { letter: { id: 3, type: 'number', lock: 'letters-between' } },
    });
  });

  it('runs one request at a time, and the others get an empty answer if whenBusy is skip', async () => {
    const { request } = await serve();
    const first = request('slow', { method: 'POST' });
    await Letters.gate.reached;
    await expect(request('slow', { method: 'POST' })).resolves.toEqual({ status: 202, body: undefined });
    Letters.gate.open();
    await expect(first).resolves.toEqual({ status: 202, body: { sent: true } });
  });

  it('passes exceptions to Nest, and releases the lock', async () => {
    const { request, locks } = await serve();
    await expect(request('failing')).resolves.toMatchObject({ status: 403, body: { message: 'not today' } });
    await expect(locks.inspect('Letters.failing')).resolves.toBeNull();
  });
});
