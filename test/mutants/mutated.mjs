/** The source as the mutant leaves it. What it changes must be there, and in one place only. */
export function mutated(source, { name, file, find, replace, also = [] }) {
  return [{ find, replace }, ...also].reduce((text, change) => {
    const times = text.split(change.find).length - 1;
    if (times !== 1) throw new Error(`The mutant "${name}": ${file} contains ${times} times: ${change.find}`);
    return text.replace(change.find, () => change.replace);
  }, source);
}
