// Two applications in one process, each with its copy of the package, whose jobs fire by their timer and by hand.
import 'reflect-metadata';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import * as esm from '../../../../dist/esm/index.js';

const cjs = createRequire(import.meta.url)('../../../../dist/cjs/index.js');
const runs = [];

async function start(copy) {
  class Jobs {
    async run() {
      runs.push(copy.ExclusiveLockService.current()?.tick ? 'tick' : 'by hand');
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Jobs.prototype, 'run');
  copy.Exclusive('job')(Jobs.prototype, 'run', descriptor);
  Cron('0 0 0 1 1 *')(Jobs.prototype, 'run', descriptor);
  Object.defineProperty(Jobs.prototype, 'run', descriptor);
  Injectable()(Jobs);
  class AppModule {
    jobs = 1;
  }
  const locks = copy.ExclusiveLockModule.forRoot({ store: 'local', folder: process.env.FOLDER });
  Module({ imports: [ScheduleModule.forRoot(), locks], providers: [Jobs] })(AppModule);
  return NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
}

const apps = [await start(esm), await start(cjs)];
const skipped = apps.map((app, i) => {
  let count = 0;
  app.get([esm, cjs][i].ExclusiveLockService).events$.subscribe(({ type }) => {
    if (type === 'skipped') count++;
  });
  return () => count;
});
const settled = () => runs.length + skipped.reduce((sum, count) => sum + count(), 0);

let calls = 0;
for (const byTimer of [true, false]) {
  for (const app of apps) {
    const [job] = app.get(SchedulerRegistry).getCronJobs().values();
    if (byTimer) job.lastExecution = new Date();
    void job.fireOnTick();
    calls++;
    while (settled() < calls) await sleep(5);
  }
}
await Promise.all(apps.map((app) => app.close()));
console.log(JSON.stringify(runs));
