import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);

export default async function setUp() {
  const { startTestRun } = await import('./test-run.js');
  await startTestRun();
}
