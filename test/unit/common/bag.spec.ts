import { Bag, type BagMember } from '../../../lib/common/bag.js';

interface Marble extends BagMember {
  readonly colour: string;
}

const marble = (colour: string): Marble => ({ colour, bagIndex: -1 });

let bag: Bag<Marble>;
let red: Marble;
let green: Marble;
let blue: Marble;

beforeEach(() => {
  bag = new Bag();
  [red, green, blue] = ['red', 'green', 'blue'].map(marble);
  for (const each of [red, green, blue]) bag.add(each);
});

const colours = (): string[] =>
  bag
    .all()
    .map(({ colour }) => colour)
    .toSorted();

describe('a bag', () => {
  it.each([
    ['first', () => red, ['blue', 'green']],
    ['middle', () => green, ['blue', 'red']],
    ['last', () => blue, ['green', 'red']],
  ])('keeps the others when its %s is removed', (_, which, left) => {
    bag.remove(which());

    expect(colours()).toEqual(left);
    expect([bag.size, bag.has(which())]).toEqual([2, false]);
  });

  it('does nothing if a removed member is removed again, or was never a member', () => {
    bag.remove(red);
    bag.remove(red);
    bag.remove(marble('red'));

    expect(colours()).toEqual(['blue', 'green']);
  });

  it('accepts a removed member again', () => {
    bag.remove(red);
    bag.add(red);

    expect(colours()).toEqual(['blue', 'green', 'red']);
  });

  it('ignores a member of another bag', () => {
    const other = new Bag<Marble>();
    const theirs = marble('red');
    other.add(theirs);

    bag.remove(theirs);

    expect([bag.has(theirs), bag.size, other.size]).toEqual([false, 3, 1]);
  });

  it('can be changed during a visit of its members', () => {
    const seen: string[] = [];
    for (const each of bag.all()) {
      seen.push(each.colour);
      bag.remove(each);
      bag.add(marble('white'));
    }

    expect(seen.toSorted()).toEqual(['blue', 'green', 'red']);
    expect(colours()).toEqual(['white', 'white', 'white']);
  });

  it('is empty after it was cleared, and accepts its members again', () => {
    bag.clear();
    bag.add(green);

    expect([bag.size, bag.has(red), bag.has(green)]).toEqual([1, false, true]);
  });
});
