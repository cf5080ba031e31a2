export default async function tearDown() {
  const { endTestRun } = await import('./test-run.js');
  await endTestRun();
}
