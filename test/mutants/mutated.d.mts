import type { Mutant } from './mutants.mjs';

export function mutated(source: string, mutant: Mutant): string;
