import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../../docs/integration/', import.meta.url);
const BLOCK = /^```(.*)\n([^]*?)^```$/gm;

/** One fenced block of a page of docs/integration. */
interface DocBlock {
  readonly page: string;
  /** The words after the backticks: `html tag-landing`, `json sender`. */
  readonly info: string;
  readonly text: string;
}

/** The pages of docs/integration, by file name. */
export const INTEGRATION_PAGES: ReadonlyMap<string, string> = new Map(
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.md'))
    .map((name) => [name, readFileSync(new URL(name, FOLDER), 'utf8')]),
);

/** All fenced blocks of docs/integration whose info string is, or begins with the word, `info`. */
export function docBlocks(info: string): DocBlock[] {
  return [...INTEGRATION_PAGES].flatMap(([page, markdown]) =>
    [...markdown.matchAll(BLOCK)]
      .map(([, words = '', text = '']) => ({ page, info: words, text }))
      .filter((block) => block.info === info || block.info.startsWith(`${info} `)),
  );
}
