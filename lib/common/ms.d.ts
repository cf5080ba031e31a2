// @types/ms is not used: it says that every string it takes has a value, and what users give may be any string.
declare module 'ms' {
  /** Milliseconds; undefined for a text that is no duration. A number without a unit counts as milliseconds. */
  export default function ms(text: string): number | undefined;
}
