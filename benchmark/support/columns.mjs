// Columns of a workload's table. A workload measures rounds of each package; a round is an object of figures.
import { median } from './statistics.mjs';

/** The median over the rounds of one figure. Builds are compared by it, and targets are set for it. */
export const figure = (key, title, digits = 2) => ({
  key,
  title,
  show: (rounds) => medianOf(rounds, key).toFixed(digits),
});

/** Something that all rounds tell together. */
export const note = (title, show) => ({ title, show });

export const sumOf = (rounds, key) => rounds.reduce((sum, round) => sum + round[key], 0);

/** How many there were in all rounds, of so many in each. */
export const share = (key, title, each) =>
  note(title, (rounds) => `${sumOf(rounds, key)} of ${rounds.length * each}`);

export const medianOf = (rounds, key) => median(rounds.map((round) => round[key]));

/** How a figure of one build relates to that of another, in each round: both were measured close to one another there. */
export const ratios = (rounds, others, key) => rounds.map((round, i) => round[key] / others[i][key]);
