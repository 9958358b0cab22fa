import { createHash } from 'node:crypto';
import type { Campaign, Goal } from './entities.ts';
import { ENTITY_ID } from './ids.ts';

/** The goal that a word means: its id, its name or one of its match words, in any case; the exact id first. */
export function findGoal(campaign: Campaign, word: string): Goal | null {
  const lower = word.toLowerCase();
  const same = (text: string) => text.toLowerCase() === lower;
  return (
    campaign.goals.find(({ id }) => id === word) ??
    campaign.goals.find(({ id }) => same(id)) ??
    campaign.goals.find(({ name, match }) => same(name) || match.some(same)) ??
    null
  );
}

export function defaultGoal(campaign: Campaign): Goal {
  const goal = campaign.goals.find((candidate) => candidate.default) ?? campaign.goals[0];
  if (goal === undefined) throw new Error(`campaign ${campaign.id} has no goal`);
  return goal;
}

/**
 * A goal id for a word that no goal of the campaign knows: one that was removed, or one that is only recorded. A word
 * that is no id gets one that is its own: it must not share a dedupe key with another word or with a goal that is paid.
 */
export function unknownGoalId(word: string): string {
  if (ENTITY_ID.test(word)) return word;
  const hash = createHash('sha256').update(word.toLowerCase()).digest('hex').slice(0, 16);
  return `${word.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 47)}_${hash}`;
}
