import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Imports go one way: handlers -> core, adapters, runtime; adapters -> core; core -> nothing. */
const forbid = (files, group, message) => ({
  files,
  rules: {
    'no-restricted-imports': ['error', { patterns: [...group.map((regex) => ({ regex, message })), BENCH] }],
  },
});

const BENCH = { regex: '(^|/)bench/', message: 'nothing builds on the benchmarks' };

// As syntax: no-restricted-imports with names refuses `import * as z` too.
const ZOD = {
  selector:
    "ImportDeclaration[source.value='zod'] > :matches(ImportDefaultSpecifier, ImportSpecifier[imported.name='z'])",
  message: "import * as z from 'zod': `import { z }` bundles 443 KB",
};
const sdk = '^@aws-sdk/|^aws-|^aws4$|^@aws-lambda-powertools/';

export default tseslint.config(
  { ignores: ['node_modules', 'cdk.out', 'coverage', '**/*.cjs', 'local/.cache'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'no-restricted-syntax': ['error', ZOD],
      eqeqeq: 'error',
    },
  },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
  { ...forbid(['**/*.ts'], [], ''), ignores: ['bench/**', 'test/unit/bench/**'] },
  forbid(['bench/**/*.ts'], ['lambdas/'], 'benchmarks measure what is bundled'),
  // core: pure. No SDK, no Node I/O, no environment, no clock, no randomness, nothing outside core.
  {
    files: ['lambdas/core/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(?!\\.{1,2}/|node:crypto$|zod$|ipaddr\\.js$|isbot$)',
              message: 'core/ is pure: only core modules, node:crypto hashing, zod, ipaddr.js and isbot',
            },
            { regex: 'adapters/|runtime/|handler', message: 'core/ imports nothing from the outside' },
            BENCH,
          ],
        },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'time comes in through deps' },
        { object: 'Math', property: 'random', message: 'randomness comes in through deps' },
        { object: 'process', property: 'env', message: 'core/ reads no environment' },
      ],
      'no-restricted-syntax': [
        'error',
        ZOD,
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'time comes in through deps' },
        { selector: 'ImportSpecifier[imported.name=/^random/]', message: 'randomness comes in through deps' },
      ],
    },
  },
  forbid(['lambdas/adapters/**/*.ts'], ['runtime/(?!environment)|handler'], 'adapters know core only'),
  forbid(['lambdas/runtime/**/*.ts'], ['adapters/'], 'runtime knows no adapter'),
  forbid(
    ['lambdas/redirect/**/*.ts'],
    ['^@aws-sdk/', '^zod', '^hono', '^@aws-lambda-powertools'],
    'the redirect stays small',
  ),
  forbid(['tag/**/*.ts'], ['.'], 'the tag stays small'),
  forbid(
    ['lib/**/*.ts', 'bin/**/*.ts'],
    ['lambdas/(?!runtime/)'],
    'infrastructure shares only names with the functions',
  ),
  forbid(
    ['local/**/*.ts', 'examples/**/*.ts', 'tools/**/*.ts', 'cli/**/*.ts', 'console/**/*.ts'],
    ['lambdas/', sdk.replace('|^aws-|^aws4$', '')].slice(0, 1),
    'no domain code here',
  ),
);
