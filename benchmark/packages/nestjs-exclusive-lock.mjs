import * as library from 'nestjs-exclusive-lock';
import { opener } from '../support/library.mjs';

export const title = 'nestjs-exclusive-lock';
export const open = opener(library);
