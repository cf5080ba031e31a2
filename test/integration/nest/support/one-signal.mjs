// An application on the built package in which a hundred wait for a lock with one signal, which then aborts. A process
// of its own, because jest's tests do not hear of the warnings of theirs.
import 'reflect-metadata';
import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';

const warnings = [];
process.on('warning', ({ message }) => warnings.push(message));

const module = ExclusiveLockModule.forRoot({ store: 'memory', logger: false });
const app = await NestFactory.createApplicationContext(module, { logger: false });
const locks = app.get(ExclusiveLockService);

const lease = await locks.acquire('a');
const controller = new AbortController();
const { signal } = controller;
const ends = Promise.allSettled(
  Array.from({ length: 100 }, () => locks.acquire('a', { wait: true, signal })),
);
// The memory store answers within the turn.
await setImmediate();
const waiting = getEventListeners(signal, 'abort').length > 0;
controller.abort('the request was closed');
const outcomes = await ends;
const listeners = getEventListeners(signal, 'abort').length;
await lease.release();
await app.close();

const rejected = outcomes.filter(({ status }) => status === 'rejected');
const reasons = [...new Set(rejected.map(({ reason }) => reason))];
console.log(JSON.stringify({ waiting, rejected: rejected.length, reasons, listeners, warnings }));
