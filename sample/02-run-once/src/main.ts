import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { tell } from '../../support/tell.js';
import { AppModule } from './app.module.js';

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
tell({ event: 'ready' });
