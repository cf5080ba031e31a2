// One client process: `node client.mjs <workload> <package> <port>`, told what to do by messages of its parent.
const [workload, packageName, port] = process.argv.slice(2);

async function answer(work) {
  try {
    process.send({ result: await work() });
  } catch (error) {
    process.send({ error: error.stack ?? String(error) });
  }
}

let actions;
await answer(async () => {
  const { open } = await import(`./packages/${packageName}.mjs`);
  const { client } = await import(`./workloads/${workload}.mjs`);
  // A lock name of its own for each package: some of them have no prefix.
  actions = await client((options) => open(Number(port), options), packageName);
});

process.on('message', ({ action, args }) => {
  if (action === 'end') process.exit();
  void answer(() => actions[action](...args));
});
// The parent has gone, perhaps with an error.
process.on('disconnect', () => process.exit());
