import { expect, test } from 'vitest';
import { newSecret, open, seal } from '../../../lambdas/management/secrets.ts';

const counting = (length: number) => Uint8Array.from({ length }, (_, i) => i);
const text = '{"security_token":"caf\u00e9"}';

test('what is sealed shows nothing and opens only with the same secret, context and bytes', () => {
  const sealed = seal(text, 'secret', 'context', counting);
  expect(Buffer.from(sealed).toString('latin1')).not.toContain('security_token');
  expect(open(sealed, 'secret', 'context')).toBe(text);
  expect(() => open(sealed, 'secreT', 'context')).toThrow();
  expect(() => open(sealed, 'secret', 'Context')).toThrow();
  for (let i = 0; i < sealed.length; i++) {
    const changed = Uint8Array.from(sealed);
    changed[i] = (changed[i] ?? 0) ^ 1;
    expect(() => open(changed, 'secret', 'context')).toThrow();
  }
});

test('a new secret is 32 base32 characters', () => {
  expect(newSecret(counting)).toMatch(/^[a-z2-7]{32}$/);
});
