import { Campaign, type CampaignParts, type Candidate } from './campaign.js';
import type { Term } from './term.js';

/** The elections that a replica takes part in. */
export class Elections {
  readonly #terms = new Map<string, Term>();
  readonly #parts: CampaignParts;

  constructor(parts: Omit<CampaignParts, 'terms'>) {
    this.#parts = { ...parts, terms: this.#terms };
  }

  /** Resolves when the candidate's signal or the shutdown has ended it, and the lock was released. */
  campaign(candidate: Candidate): Promise<void> {
    return new Campaign(candidate, this.#parts).run();
  }

  /** The term of this replica in that election; also one that is coming to its end. */
  termOf(name: string): Term | undefined {
    return this.#terms.get(name);
  }
}
