import { Campaign, type CampaignParts, type Candidate } from './campaign.js';
import type { Term } from './term.js';

/** The elections that a replica takes part in. */
export class Elections {
  readonly #terms = new Map<string, Term>();
  readonly #parts: CampaignParts;

  constructor(parts: Omit<CampaignParts, 'terms'>) {
    this.#parts = { ...parts, terms: this.#terms };
  }

  /**
   * Takes part in an election. Resolves when the candidate's signal or the shutdown has ended that, and the lock is
   * released.
   */
  campaign(candidate: Candidate): Promise<void> {
    return new Campaign(candidate, this.#parts).run();
  }

  /** The term of this replica in that election, even if it is about to end. */
  termOf(name: string): Term | undefined {
    return this.#terms.get(name);
  }
}
