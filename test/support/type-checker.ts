import { join, relative, resolve } from 'node:path';
import ts from 'typescript';

/** One file as it would be. */
export interface ChangedFile {
  /** Relative to the folder of the tsconfig. */
  readonly file: string;
  readonly text: string;
}

/** Type-checks a project once, then what becomes of it with one file changed, in a fraction of a second each. */
export class TypeChecker {
  readonly #root: string;
  readonly #names: readonly string[];
  readonly #options: ts.CompilerOptions;
  readonly #host: ts.CompilerHost;
  readonly #unchanged: ts.SemanticDiagnosticsBuilderProgram;
  readonly #problems: readonly string[];
  #changed = new Map<string, string>();

  constructor(tsconfig: string, options: ts.CompilerOptions = {}) {
    this.#root = resolve(tsconfig, '..');
    const { config } = ts.readConfigFile(tsconfig, (path) => ts.sys.readFile(path));
    const project = ts.parseJsonConfigFileContent(config, ts.sys, this.#root);
    this.#names = project.fileNames;
    // With isolatedModules the builder checks only the file that has changed, none that uses it.
    this.#options = { ...project.options, ...options, isolatedModules: false };
    this.#host = this.#hostOfChanges();
    this.#unchanged = this.#program();
    this.#problems = this.#problemsOf(this.#unchanged);
  }

  /** What the compiler says of the project with this change, or as it is. */
  problems(changed?: ChangedFile): readonly string[] {
    if (!changed) return this.#problems;
    this.#changed = new Map([[join(this.#root, changed.file), changed.text]]);
    return this.#problemsOf(this.#program(this.#unchanged));
  }

  /** Only what a change affects is checked again: the builder knows the files by the hash of their text. */
  #program(before?: ts.SemanticDiagnosticsBuilderProgram): ts.SemanticDiagnosticsBuilderProgram {
    return ts.createSemanticDiagnosticsBuilderProgram(this.#names, this.#options, this.#host, before);
  }

  #problemsOf(program: ts.SemanticDiagnosticsBuilderProgram): string[] {
    const found = [...program.getConfigFileParsingDiagnostics(), ...program.getOptionsDiagnostics()];
    for (const path of this.#changed.keys())
      found.push(...program.getSyntacticDiagnostics(program.getSourceFile(path)));
    for (;;) {
      const affected = program.getSemanticDiagnosticsOfNextAffectedFile();
      if (!affected) return found.map((problem) => this.#describe(problem));
      found.push(...affected.result);
    }
  }

  #describe({ file, messageText }: ts.Diagnostic): string {
    const where = file ? `${relative(this.#root, file.fileName)}: ` : '';
    return where + ts.flattenDiagnosticMessageText(messageText, '\n');
  }

  #hostOfChanges(): ts.CompilerHost {
    const host = ts.createCompilerHost(this.#options);
    const unchanged = new Map<string, ts.SourceFile | undefined>();
    const onDisk = host.getSourceFile.bind(host);
    host.getSourceFile = (path, target, ...rest) => {
      const text = this.#changed.get(path);
      if (text !== undefined) return versioned(ts.createSourceFile(path, text, target));
      if (!unchanged.has(path)) unchanged.set(path, versioned(onDisk(path, target, ...rest)));
      return unchanged.get(path);
    };
    return host;
  }
}

/** A builder program wants a version of each file, and the hosts of `ts` give none. */
function versioned(file: ts.SourceFile | undefined): ts.SourceFile | undefined {
  return file && Object.assign(file, { version: ts.sys.createHash!(file.text) });
}
