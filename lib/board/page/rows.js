/** For how many milliseconds rows are drawn before the browser may do something else. */
const SLICE = 6;

/**
 * Keeps the rows of a table in step with a list. A row has a node and `show(item)`, and keeps its node, so that focus and
 * selection stay. Hundreds of rows are drawn in slices, so that the page answers meanwhile.
 */
export class Rows {
  #parent;
  #create;
  #keyOf;
  #rows = new Map();
  #turn = 0;

  constructor(parent, create, keyOf) {
    this.#parent = parent;
    this.#create = create;
    this.#keyOf = keyOf;
  }

  /** Shows the items in this order. A later call ends one that is under way. */
  async show(items) {
    const turn = ++this.#turn;
    this.#removeAllBut(new Set(items.map(this.#keyOf)));
    let previous;
    let sliceBegan = performance.now();
    for (const item of items) {
      const { node } = this.#shown(item);
      this.#place(node, previous);
      previous = node;
      if (performance.now() - sliceBegan < SLICE) continue;
      await nextTask();
      if (turn !== this.#turn) return;
      sliceBegan = performance.now();
    }
  }

  [Symbol.iterator]() {
    return this.#rows.values();
  }

  #shown(item) {
    const key = this.#keyOf(item);
    let row = this.#rows.get(key);
    if (!row) this.#rows.set(key, (row = this.#create(item)));
    row.show(item);
    return row;
  }

  #place(node, previous) {
    if (node.parentNode && node.previousSibling === (previous ?? null)) return;
    if (previous) previous.after(node);
    else this.#parent.prepend(node);
  }

  #removeAllBut(keys) {
    for (const [key, { node }] of this.#rows) {
      if (keys.has(key)) continue;
      node.remove();
      this.#rows.delete(key);
    }
  }
}

/** After the browser has had the chance to draw. */
function nextTask() {
  return new Promise((resolve) => setTimeout(resolve));
}
