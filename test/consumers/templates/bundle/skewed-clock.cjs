// Preloaded: the wall clock of this process is ahead by SKEW milliseconds.
const ahead = Number(process.env.SKEW ?? 0);
const RealDate = Date;

globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + ahead);
    else super(...args);
  }

  static now() {
    return RealDate.now() + ahead;
  }
};
