import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { BrowserContext } from 'playwright-core';

interface BrowserOptions {
  /** Names, `*.shop.example` too, with the ports of 127.0.0.1 that stand for their port 443. No other name is known. */
  readonly hosts: Readonly<Record<string, number>>;
  /** What the profile says of cookies on other sites' pages. */
  readonly thirdPartyCookies: 'allowed' | 'blocked';
}

/** A real browser, without a window. */
export interface TestBrowser {
  /** Somebody without cookies or storage, who takes any certificate; `close` forgets them. */
  newVisitor(): Promise<BrowserContext>;
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
      args: [
        ...['--no-sandbox', '--disable-gpu'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
        // The first rule that fits counts.
        `--host-resolver-rules=${[...rules, 'MAP * ~NOTFOUND'].join(', ')}`,
      ],
    });
    // Its other contexts begin empty and take the profile's preferences over.
    const browser = context.browser();
    if (browser === null) throw new Error('the context does not name its browser');
    return {
      newVisitor: () => browser.newContext({ ignoreHTTPSErrors: true }),
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
