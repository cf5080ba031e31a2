// One application with both builds of the package: each decorates a part of a class, one is the module.
import 'reflect-metadata';
import { createRequire } from 'node:module';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import * as esm from '../../../../dist/esm/index.js';

const cjs = createRequire(import.meta.url)('../../../../dist/cjs/index.js');
const copies = { esm, cjs };
const [methods, defaults, module] = process.argv.slice(2).map((name) => copies[name]);

class Jobs {
  async run() {
    const { replica, contents } = (await locks.inspect('job')).holder;
    return { replica, contents };
  }

  async other() {}
}
const decorate = (key, ...decorators) => {
  const descriptor = Object.getOwnPropertyDescriptor(Jobs.prototype, key);
  for (const decorator of decorators) decorator(Jobs.prototype, key, descriptor);
  Object.defineProperty(Jobs.prototype, key, descriptor);
};
decorate('run', methods.Exclusive('job'));
decorate('other', defaults.Exclusive(process.env.OTHER ?? 'other'));
defaults.Exclusive.defaults({ contents: 'from the class' })(Jobs);
Injectable()(Jobs);

class AppModule {
  name = 'two copies';
}
const options = { store: 'memory', replica: 'two-copies' };
Module({ imports: [module.ExclusiveLockModule.forRoot(options)], providers: [Jobs] })(AppModule);

let locks;
try {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  locks = app.get(module.ExclusiveLockService);
  console.log(JSON.stringify(await app.get(Jobs).run()));
  await app.close();
} catch (error) {
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
