import type { Browser, Device, OperatingSystem } from './words.ts';

/** What a user agent tells of a visitor; null: not known. */
export interface UserAgentClass {
  readonly device: Device | null;
  readonly os: OperatingSystem | null;
  readonly browser: Browser | null;
}

type Rules<Word> = readonly (readonly [pattern: RegExp, word: Word | null])[];

/**
 * The first pattern that fits decides. Fire OS is an Android, Windows Phone a Windows. Some pass for what they are not, and
 * cannot be told apart: Safari on an iPad is a Macintosh's (other browsers there betray themselves), Samsung Internet on
 * a tablet may be a Linux desktop's.
 */
const OPERATING_SYSTEMS: Rules<OperatingSystem> = [
  [/Windows/, 'windows'],
  [/\((?:iPhone|iPad|iPod)|^[^(]*\(Macintosh.*(?:iOS\/| Mobile\/)/, 'ios'],
  [/Macintosh/, 'macos'],
  [/OpenHarmony|HarmonyOS/, 'harmonyos'],
  [/KAIOS|KaiOS/, 'kaios'],
  [/Tizen/, 'tizen'],
  [/[Ww]eb[0O]S/, 'webos'],
  [/Andr[o0]id|\bAdr |FBAN\/FB4A/, 'android'],
  [/CrOS/, 'chromeos'],
  [/Linux/, 'linux'],
];

const DEVICES: Rules<Device> = [
  [/PlayStation|PLAYSTATION|Xbox|Nintendo/, 'console'],
  [/TV\b|BRAVIA|\bAFT[A-Z]|CrKey|Chromecast|MIBOX|Roku|NetCast|Web0S|VIERA/, 'tv'],
  [/\(iPad|Tablet(?! PC)|Silk\/|^[^(]*\(Macintosh.*(?:iOS\/| Mobile\/)/, 'tablet'],
  [/Mobi|Phone|iPod|Opera Mini/, 'mobile'],
  // An app that calls without a browser: on any Android.
  [/Dalvik/, null],
  // Phones say "Mobile" as well.
  [/Andr[o0]id/, 'tablet'],
  [/MIDP|BlackBerry|BB10|Symbian|Nokia/, 'mobile'],
  [/Windows|Macintosh|CrOS|X11|Linux/, 'desktop'],
];

/** Apps that show pages in a view of their own come first: they carry the name of the system's browser as well. */
const BROWSERS: Rules<Browser> = [
  [/Instagram/, 'instagram'],
  [/FBAN|FBAV|FB_IAB/, 'facebook'],
  [/musical_ly|TikTok|trill_/, 'tiktok'],
  [/Snapchat/, 'snapchat'],
  [/Pinterest/, 'pinterest'],
  [/LinkedInApp/, 'linkedin'],
  [/Twitter for|TwitterAndroid/, 'twitter'],
  [/MicroMessenger/, 'wechat'],
  [/\bLine\//, 'line'],
  [/KAKAOTALK/, 'kakaotalk'],
  [/GSA\//, 'google'],
  [/Edg(?:e|A|iOS)?\//, 'edge'],
  [/OPR\/|OPT\/|OPX\/|OPiOS|Opera/, 'opera'],
  [/SamsungBrowser|TV Safari/, 'samsung'],
  [/YaBrowser/, 'yandex'],
  [/UCBrowser/, 'uc'],
  [/MiuiBrowser/, 'miui'],
  [/HuaweiBrowser/, 'huawei'],
  [/HeyTapBrowser/, 'heytap'],
  [/VivoBrowser/, 'vivo'],
  [/QQBrowser/, 'qq'],
  [/Whale\//, 'whale'],
  [/DuckDuckGo\/|Ddg\//, 'duckduckgo'],
  [/Silk\//, 'silk'],
  [/Vivaldi/, 'vivaldi'],
  [/Firefox\/|FxiOS/, 'firefox'],
  [/MSIE |Trident\//, 'ie'],
  [/; wv\)/, 'webview'],
  [/Chrome\/|CriOS/, 'chrome'],
  [/PlayStation|BlackBerry|BB10|Symbian/, null],
  [/^[^(]*\([^)]*Android.*Version\//, 'android'],
  [/Version\/[\d.]+ (?:Mobile\S* )?Safari/, 'safari'],
  [/^[^(]*\((?:iPhone|iPad|iPod|Macintosh).*AppleWebKit/, 'webview'],
];

/** What stands further behind is nobody's name; bounds the work on a hostile header. */
const LENGTH = 1_024;

/** Some microseconds; never throws. */
export function classifyUserAgent(userAgent: string): UserAgentClass {
  const text = userAgent.slice(0, LENGTH);
  return { device: firstOf(DEVICES, text), os: firstOf(OPERATING_SYSTEMS, text), browser: firstOf(BROWSERS, text) };
}

function firstOf<Word>(rules: Rules<Word>, text: string): Word | null {
  for (const [pattern, word] of rules) if (pattern.test(text)) return word;
  return null;
}
