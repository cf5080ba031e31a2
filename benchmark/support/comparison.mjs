import { ratios } from './columns.mjs';
import { table } from './markdown.mjs';
import { median } from './statistics.mjs';

/** Each figure of this build in relation to the same of another one, which was measured next to it in each round. */
export function comparison(columns, rounds, before, titleOfBefore) {
  const rows = columns
    .filter(({ key }) => key)
    .map(({ key, title, show }) => {
      const all = ratios(rounds, before, key);
      const span = `${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)}`;
      return [title, show(rounds), show(before), median(all).toFixed(2), span];
    });
  return table(['', 'this build', titleOfBefore, 'ratio', 'lowest to highest round'], rows);
}
