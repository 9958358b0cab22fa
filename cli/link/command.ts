import { defineCommand } from 'citty';

import { EXIT, TEXT_WIDTH, UsageError } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { followLink, isWeb } from './follow.ts';
import type { FollowDeps } from './follow.ts';
import { trailAsJson, trailAsText } from './report.ts';

/** `flowback test link`: needs no deployment and no key, only the link. */
export function testLink(terminal: Terminal, deps: FollowDeps) {
  return defineCommand({
    meta: { description: 'Follow a tracking link from redirect to redirect and say what is wrong on the way' },
    args: {
      url: {
        type: 'positional',
        required: true,
        description: 'The tracking link, with real values instead of placeholders',
      },
      json: { type: 'boolean', description: 'Print JSON for scripts' },
    },
    async run({ args }) {
      const link = URL.canParse(args.url) ? new URL(args.url) : null;
      if (link === null || !isWeb(link)) {
        throw new UsageError('the link must be a URL that begins with http:// or https://; quote it because of its &');
      }
      const trail = await followLink(link, deps);
      terminal.out(args.json ? trailAsJson(trail) : trailAsText(trail, terminal.columns ?? TEXT_WIDTH));
      return trail.problems.length === 0 ? EXIT.fine : EXIT.wrong;
    },
  });
}
