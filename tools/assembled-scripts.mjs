const INCLUDE = /^ *-- include (\S+)$/gm;

/**
 * The scripts that Redis is given, `[name, lua]`, of the files that they are written in, `[file, lua]`. A line
 * `-- include x.lua` stands for that file; what is included is no script by itself. `constants` are the numbers that Lua
 * names and TypeScript knows. Comments stay behind, except
 * those that tell a server something, `--!`.
 */
export function assembled(files, constants) {
  const sources = new Map(files);
  const included = new Set(files.flatMap(([, lua]) => [...lua.matchAll(INCLUDE)].map(([, file]) => file)));
  const whole = (file) => sources.get(file).replace(INCLUDE, (_, part) => whole(part).trimEnd());
  return files
    .filter(([file]) => !included.has(file))
    .map(([file]) => [nameOf(file), withConstants(withoutComments(whole(file)), constants)]);
}

const nameOf = (file) => file.replace('.lua', '').replace(/-(\w)/g, (_, letter) => letter.toUpperCase());

const withoutComments = (lua) => lua.replace(/^ *--(?!!).*\n/gm, '').replace(/^\n+/gm, '');

const withConstants = (lua, constants) =>
  lua.replace(/\b[A-Z_]+\b/g, (name) => (typeof constants[name] === 'number' ? constants[name] : name));
