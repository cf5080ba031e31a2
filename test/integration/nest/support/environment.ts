const before = new Map<string, string | undefined>();

/** Sets variables of the environment, or removes them with undefined, until `restoreEnvironment()`. */
export function setEnvironment(variables: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (!before.has(name)) before.set(name, process.env[name]);
    assign(name, value);
  }
}

/** For `afterEach`. */
export function restoreEnvironment(): void {
  for (const [name, value] of before) assign(name, value);
  before.clear();
}

function assign(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}
