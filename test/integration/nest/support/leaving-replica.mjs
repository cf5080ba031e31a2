// An application in plain JavaScript, on the built package, that works a little, closes and has nothing left to do.
// Env: OPTIONS (JSON, of forRoot).
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Exclusive, ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';

const tell = (event, details) => console.log(JSON.stringify({ event, ...details }));
process.on('warning', ({ message }) => tell('warning', { message }));
process.on('unhandledRejection', (error) => tell('unhandled', { message: String(error) }));

class Jobs {
  async run() {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return 'done';
  }
}
const method = Object.getOwnPropertyDescriptor(Jobs.prototype, 'run');
Exclusive('job', { ttl: 5000 })(Jobs.prototype, 'run', method);
Object.defineProperty(Jobs.prototype, 'run', method);

class AppModule {
  jobs = 1;
}
Module({ imports: [ExclusiveLockModule.forRoot(JSON.parse(process.env.OPTIONS))], providers: [Jobs] })(
  AppModule,
);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const locks = app.get(ExclusiveLockService);
const running = app.get(Jobs).run();
const others = Promise.all(Array.from({ length: 20 }, (_, i) => locks.run(`other-${i}`, () => i)));
const outcomes = await others;
await app.close();
tell('closed', {
  value: await running,
  statuses: [...new Set(outcomes.map(({ status }) => status))],
});
// Not run where nothing of ours keeps the process.
setTimeout(() => tell('lingers', { resources: process.getActiveResourcesInfo() }), 1000).unref();
