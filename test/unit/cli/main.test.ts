import { describe, expect, it } from 'vitest';

import { runCli } from '../../support/cli.ts';

describe('flowback', () => {
  it.each([
    [[], 'flowback: which command?'],
    [['test'], 'flowback test: which command?'],
    [['tset'], "flowback: no command 'tset'"],
    [['constructor'], "flowback: no command 'constructor'"],
    [['test', '__proto__'], "flowback test: no command '__proto__'"],
    [['test', 'link'], 'flowback test link: Missing required positional argument: URL'],
    [['test', 'link', '--jsno', 'http://a.example'], "flowback test link: Unknown option '--jsno'"],
    [['test', 'link', 'http://a.example', 'b'], "flowback test link: 'b' is one argument too many"],
    [['conversions', 'reject', 'a', '--reason', '-x'], 'what does --reason say? --reason=... where it begins with -'],
    [['test', 'link', 'a.example/click'], 'flowback test link: the link must be a URL that begins with http://'],
    [['test', 'link', 'ftp://a.example'], 'flowback test link: the link must be a URL that begins with http://'],
    [['\u001B[2J'], 'flowback: no command'],
  ])('answers %j with what is wrong, how it is used, and 2', async (args, message) => {
    const { code, out, err } = await runCli(args);

    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
    expect(err).toContain('flowback');
    expect(err.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });

  it.each([
    [['--help'], '  test         Try what'],
    [['test', '-h'], '  link        Follow'],
    [['test', 'link', '--help'], '  flowback test link URL [OPTIONS]'],
    [['publishers', 'archive', '-h'], '  flowback publishers archive ID... [OPTIONS]'],
    [['publishers', '-h'], 'List publishers (what flowback publishers'],
  ])('explains itself for %j', async (args, text) => {
    const { code, out, err } = await runCli(args);

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(text);
    expect(Math.max(...out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  });
});
