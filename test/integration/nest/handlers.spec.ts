import 'reflect-metadata';
import { Controller, Get, Injectable, Post, SetMetadata, Sse, type Type } from '@nestjs/common';
import { Processor, WorkerHost } from '@nestjs/bullmq';
import { CommandHandler, EventsHandler } from '@nestjs/cqrs';
import { OnEvent } from '@nestjs/event-emitter';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { EMPTY, type Observable } from 'rxjs';
import { Exclusive, type ExclusiveOptions } from 'nestjs-exclusive-lock';
import { closeApps, startApp, startFailure } from './support/nest-apps.js';

afterEach(closeApps);

class Order {
  readonly id = 1;
}

/** A class whose method `name` is a handler by the decorators given, with @Exclusive above or below them. */
type Handler = (options: ExclusiveOptions | undefined) => Type;

const HANDLERS: readonly (readonly [what: string, kind: RegExp, make: Handler])[] = [
  [
    'an HTTP route, below its decorator',
    /Jobs\.run is an HTTP route/,
    (options) => {
      @Controller()
      class Jobs {
        @Post()
        @Exclusive('job', options)
        async run(): Promise<void> {}
      }
      return Jobs;
    },
  ],
  [
    'an HTTP route, above its decorator',
    /Jobs\.run is an HTTP route/,
    (options) => {
      @Controller()
      class Jobs {
        @Exclusive('job', options)
        @Get()
        async run(): Promise<void> {}
      }
      return Jobs;
    },
  ],
  [
    'server-sent events',
    /Jobs\.run is an HTTP route/,
    (options) => {
      @Controller()
      class Jobs {
        @Sse('news')
        @Exclusive('job', options)
        run(): Observable<never> | undefined {
          return EMPTY;
        }
      }
      return Jobs;
    },
  ],
  [
    'a handler of messages',
    /Jobs\.run is a message handler/,
    (options) => {
      @Controller()
      class Jobs {
        @MessagePattern('job')
        @Exclusive('job', options)
        async run(): Promise<void> {}
      }
      return Jobs;
    },
  ],
  [
    'a handler of events of a microservice',
    /Jobs\.run is a message handler/,
    (options) => {
      @Controller()
      class Jobs {
        @Exclusive('job', options)
        @EventPattern('job')
        async run(_data: unknown): Promise<void> {}
      }
      return Jobs;
    },
  ],
  [
    'a handler of events of the application',
    /Jobs\.run is an event handler/,
    (options) => {
      @Injectable()
      class Jobs {
        @OnEvent('job')
        @Exclusive('job', options)
        async run(): Promise<void> {}
      }
      return Jobs;
    },
  ],
  [
    'a processor of a queue of BullMQ',
    /Jobs\.process is a queue processor/,
    (options) => {
      @Processor('jobs')
      class Jobs extends WorkerHost {
        @Exclusive('job', options)
        async process(): Promise<void> {}
      }
      return Jobs;
    },
  ],
  [
    'a handler of commands',
    /Jobs\.execute is a CQRS handler/,
    (options) => {
      @CommandHandler(Order)
      class Jobs {
        @Exclusive('job', options)
        async execute(): Promise<void> {}
      }
      return Jobs;
    },
  ],
  [
    'a handler of events of CQRS',
    /Jobs\.handle is a CQRS handler/,
    (options) => {
      @EventsHandler(Order)
      class Jobs {
        @Exclusive('job', options)
        async handle(): Promise<void> {}
      }
      return Jobs;
    },
  ],
  [
    'a resolver of GraphQL, by its metadata',
    /Jobs\.run is a resolver/,
    (options) => {
      @Injectable()
      class Jobs {
        @SetMetadata('graphql:resolver_type', 'Mutation')
        @Exclusive('job', options)
        async run(): Promise<void> {}
      }
      return Jobs;
    },
  ],
];

const appWith = (jobs: Type) =>
  Reflect.hasMetadata('__controller__', jobs) ? { controllers: [jobs] } : { providers: [jobs] };

describe.each(HANDLERS)('@Exclusive on %s', (_what, kind, make) => {
  it('requires whenBusy', async () => {
    const error = await startFailure(appWith(make(undefined)));
    expect(error).toMatchObject({ code: 'LOCK_CONFIGURATION' });
    expect(error.message).toMatch(kind);
    expect(error.message).toMatch(/whenBusy: 'throw' or 'wait'; or 'skip'/);
  });

  it.each(['skip', 'wait', 'throw'] as const)("starts with whenBusy: '%s'", async (whenBusy) => {
    await expect(startApp(appWith(make({ whenBusy })))).resolves.toBeDefined();
  });
});

describe('@Exclusive', () => {
  it('accepts whenBusy from the defaults of the class', async () => {
    @Controller()
    @Exclusive.defaults({ whenBusy: 'throw' })
    class Jobs {
      @Post()
      @Exclusive('job')
      async run(): Promise<void> {}
    }
    await expect(startApp({ controllers: [Jobs] })).resolves.toBeDefined();
  });

  it('does not require whenBusy on other methods of such classes', async () => {
    @Processor('jobs')
    class Jobs extends WorkerHost {
      async process(): Promise<void> {}

      @Exclusive('other')
      async clean(): Promise<void> {}
    }
    await expect(startApp({ providers: [Jobs] })).resolves.toBeDefined();
  });
});
