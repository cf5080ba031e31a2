import { join } from 'node:path';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '../..');

/** Type-checks each block as a module of its own, with the settings of this project. */
export function problemsOf(blocks: readonly string[]): string[] {
  return problemsOfModules(new Map(blocks.map((code, i) => [`example-${i}.ts`, code])));
}

/** The same for modules that import one another by these names. */
export function problemsOfModules(modules: ReadonlyMap<string, string>): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  // Stricter than this project is: users may be.
  options.exactOptionalPropertyTypes = true;
  const files = new Map([...modules].map(([name, code]) => [join(ROOT, 'test/unit', name), code]));
  const host = ts.createCompilerHost(options);
  const disk = { ...host };
  host.fileExists = (path) => files.has(path) || disk.fileExists(path);
  host.getSourceFile = (path, target, ...rest) => {
    const code = files.get(path);
    return code === undefined
      ? disk.getSourceFile(path, target, ...rest)
      : ts.createSourceFile(path, code, target);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((path) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(path))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
  );
}
