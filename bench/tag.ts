import { brotliCompressSync, gzipSync } from 'node:zlib';
import { bundleTag } from '../lib/tag-code.ts';
import type { Report } from './report.ts';

/** How much of the tag a shop's visitors load. */
export async function benchTag(): Promise<Report> {
  const tag = Buffer.from(bundleTag());
  const gzip = gzipSync(tag, { level: 9 }).length;
  return {
    name: 'tag',
    demands: [{ what: 'tag.js, gzip', value: gzip, rule: 'at most', limit: 2_047, unit: 'bytes' }],
    tables: [
      {
        title: 'Bytes of tag.js:',
        columns: ['encoding', 'bytes'],
        rows: [
          ['none', tag.length],
          ['gzip', gzip],
          ['brotli', brotliCompressSync(tag).length],
        ],
      },
    ],
    notes: [
      'It is sent as gzip to a browser that takes it, as all do; brotli is what a distribution in front may make of it.',
    ],
  };
}
