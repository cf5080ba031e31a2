import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SCRIPT = join(import.meta.dirname, 'support/one-signal.mjs');

describe('a signal that a hundred waiting acquisitions share', () => {
  it('ends them all, causes no warning of Node, and keeps no listener', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT]);
    expect(JSON.parse(stdout)).toEqual({
      waiting: true,
      rejected: 100,
      reasons: ['the request was closed'],
      listeners: 0,
      warnings: [],
    });
  });
});
