import type { Campaign, Goal } from './entities.ts';

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

/** A goal id for a word that no goal of the campaign knows: one that was removed, or one that is only recorded. */
export function unknownGoalId(word: string): string {
  return word.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64);
}
