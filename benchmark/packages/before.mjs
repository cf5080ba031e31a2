// The library as it was at the commit of --against.
import { createRequire } from 'node:module';
import * as library from 'nestjs-exclusive-lock-before';
import { opener } from '../support/library.mjs';

const { version } = createRequire(import.meta.url)('nestjs-exclusive-lock-before/package.json');

export const title = `nestjs-exclusive-lock@${version}`;
export const open = opener(library);
