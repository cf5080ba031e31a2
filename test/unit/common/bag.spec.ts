import { Bag, type Member } from '../../../lib/common/bag.js';

interface Marble extends Member {
  readonly colour: string;
}

const marble = (colour: string): Marble => ({ colour, place: -1 });

let bag: Bag<Marble>;
let red: Marble;
let green: Marble;
let blue: Marble;

beforeEach(() => {
  bag = new Bag();
  [red, green, blue] = ['red', 'green', 'blue'].map(marble);
  for (const each of [red, green, blue]) bag.add(each);
});

/** The colours that are visited, and what happens at each visit. */
function visited(during: (member: Marble) => void = () => undefined): string[] {
  const colours: string[] = [];
  bag.forEach((member) => {
    colours.push(member.colour);
    during(member);
  });
  return colours.toSorted();
}

describe('a bag', () => {
  it.each([
    ['first', () => red, ['blue', 'green']],
    ['middle', () => green, ['blue', 'red']],
    ['last', () => blue, ['green', 'red']],
  ])('keeps the others when its %s is removed', (_, which, left) => {
    bag.remove(which());

    expect(visited()).toEqual(left);
    expect([bag.size, bag.has(which())]).toEqual([2, false]);
  });

  it('does nothing when a member is removed twice, or was never in it', () => {
    bag.remove(red);
    bag.remove(red);
    bag.remove(marble('red'));

    expect(visited()).toEqual(['blue', 'green']);
  });

  it('takes a member again that was removed', () => {
    bag.remove(red);
    bag.add(red);

    expect(visited()).toEqual(['blue', 'green', 'red']);
  });

  it('does not mistake a member of another bag for its own', () => {
    const other = new Bag<Marble>();
    const theirs = marble('red');
    other.add(theirs);

    bag.remove(theirs);

    expect([bag.has(theirs), bag.size, other.size]).toEqual([false, 3, 1]);
  });

  it.each([
    ['each goes as it is visited', (member: Marble) => bag.remove(member), ['blue', 'green', 'red'], 0],
    ['all go at the first visit', () => [red, green, blue].forEach((each) => bag.remove(each)), ['blue'], 0],
    ['others come', () => bag.size < 6 && bag.add(marble('white')), ['blue', 'green', 'red'], 6],
    ['it is cleared', () => bag.clear(), ['blue'], 0],
  ])('can be visited while %s', (_, during, expected, left) => {
    expect(visited(during)).toEqual(expected);
    expect(bag.size).toBe(left);
  });

  it('misses nobody when one goes that is still to be visited', () => {
    const colours = new Set(visited(() => bag.remove(green)));

    expect([...colours]).toEqual(['blue', 'red']);
  });

  it('is empty when it was cleared, and its members may be added again', () => {
    bag.clear();
    bag.add(green);

    expect([bag.size, bag.has(red), bag.has(green)]).toEqual([1, false, true]);
  });
});
