import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { BrowserContext } from 'playwright-core';

interface BrowserOptions {
  /** Names, `*.example` too, with the ports of 127.0.0.1 that stand for their port 443; the first that fits counts. No other name is known. */
  readonly hosts: Readonly<Record<string, number>>;
  /** What the profile says of cookies on other sites' pages. */
  readonly thirdPartyCookies: 'allowed' | 'blocked';
}

/** A real browser, without a window, which takes any certificate. */
interface TestBrowser {
  readonly context: BrowserContext;
  /** Closes all pages and forgets all cookies; what sites have stored otherwise stays, as a second context would cost a second of CPU. */
  forget(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts Debian's Chromium, or the one of `CHROMIUM_PATH`, with a profile of its own. It ends with this process at the latest. */
export async function startBrowser({ hosts, thirdPartyCookies }: BrowserOptions): Promise<TestBrowser> {
  const profile = await mkdtemp(join(tmpdir(), 'flowback-browser-'));
  const remove = () => rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  const rules = Object.entries(hosts).map(([host, port]) => `MAP ${host} 127.0.0.1:${port}`);
  try {
    await writePreferences(profile, thirdPartyCookies === 'blocked');
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
      ignoreHTTPSErrors: true,
      args: [
        ...['--no-sandbox', '--disable-gpu'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
        `--host-resolver-rules=${[...rules, 'MAP * ~NOTFOUND'].join(', ')}`,
      ],
    });
    return {
      context,
      async forget() {
        // Without any page the browser would end.
        const [, ...pages] = context.pages();
        await Promise.all(pages.map((page) => page.close()));
        await context.clearCookies();
      },
      async stop() {
        await context.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** As Chromium itself keeps them: "Block third-party cookies" of its settings, which no command line option switches. */
async function writePreferences(profile: string, block: boolean): Promise<void> {
  const preferences = { profile: { cookie_controls_mode: block ? 1 : 0, block_third_party_cookies: block } };
  await mkdir(join(profile, 'Default'));
  await writeFile(join(profile, 'Default', 'Preferences'), JSON.stringify(preferences));
}
