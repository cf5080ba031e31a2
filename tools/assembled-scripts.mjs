const INCLUDE = /^-- include (\S+)$/gm;

/**
 * The scripts that Redis is given, `[name, lua]`, of the files that they are written in, `[file, lua]`. A line
 * `-- include x.lua` stands for that file, without its comments; what is included is no script by itself.
 */
export function assembled(files) {
  const sources = new Map(files);
  const included = new Set(files.flatMap(([, lua]) => [...lua.matchAll(INCLUDE)].map(([, file]) => file)));
  return files
    .filter(([file]) => !included.has(file))
    .map(([file, lua]) => [
      nameOf(file),
      lua.replace(INCLUDE, (_, part) => withoutComments(sources.get(part))),
    ]);
}

const nameOf = (file) => file.replace('.lua', '').replace(/-(\w)/g, (_, letter) => letter.toUpperCase());

const withoutComments = (lua) => lua.replace(/^--.*\n/gm, '').trimEnd();
