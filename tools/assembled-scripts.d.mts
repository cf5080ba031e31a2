export function assembled(
  files: readonly (readonly [file: string, lua: string])[],
  constants: Readonly<Record<string, unknown>>,
): [name: string, lua: string][];
