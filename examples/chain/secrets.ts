import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';

import { StartError, codeOf } from '../../local/errors.ts';

const schema = z.object({
  /** Network -> its admin API key. */
  admin_keys: z.object({ tia: z.string(), '123': z.string(), abc: z.string() }),
  /** Network -> the token with which its advertiser reports conversions to it. */
  security_tokens: z.object({ tia: z.string(), '123': z.string(), abc: z.string() }),
});

export type Secrets = z.infer<typeof schema>;

const newSecret = () => randomBytes(24).toString('base64url');
const onePerNetwork = () => ({ tia: newSecret(), '123': newSecret(), abc: newSecret() });

/**
 * The keys and tokens of the chain: kept in the data directory, because the networks themselves keep only hashes, and
 * a restart needs them again.
 */
export async function loadSecrets(data: string | undefined): Promise<Secrets> {
  const fresh = (): Secrets => ({ admin_keys: onePerNetwork(), security_tokens: onePerNetwork() });
  if (data === undefined) return fresh();
  const file = join(data, 'chain.json');
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw new StartError(`${file} cannot be read; it holds the keys of this chain`);
  }
  const secrets = fresh();
  try {
    await mkdir(data, { recursive: true });
    await writeFile(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  } catch (error) {
    throw new StartError(`--data ${data} cannot be written (${codeOf(error) ?? 'error'})`);
  }
  return secrets;
}
