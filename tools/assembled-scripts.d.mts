export function assembled(
  files: readonly (readonly [file: string, lua: string])[],
): [name: string, lua: string][];
