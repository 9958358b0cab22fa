import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';

import { StartError, codeOf } from '../../local/errors.ts';

const tokens = z.object({ tia: z.string(), '123': z.string(), abc: z.string() });

/** Of each network: the token with which its advertiser reports conversions to it. */
type Tokens = z.infer<typeof tokens>;

const newToken = () => randomBytes(24).toString('base64url');

/**
 * The security tokens of the chain: kept in the data directory, because the networks keep only hashes of them and a
 * restart needs them again.
 */
export async function loadTokens(data: string | undefined): Promise<Tokens> {
  const fresh = { tia: newToken(), '123': newToken(), abc: newToken() };
  if (data === undefined) return fresh;
  const file = join(data, 'security-tokens.json');
  try {
    return tokens.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw new StartError(`${file} cannot be used; it holds the tokens of this chain`);
  }
  try {
    await mkdir(data, { recursive: true });
    await writeFile(file, `${JSON.stringify(fresh, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new StartError(`--data ${data} cannot be written (${codeOf(error) ?? 'error'})`);
  }
  return fresh;
}
