import type { Browser, Device, OperatingSystem } from './words.ts';

/** What a user agent tells of a visitor; null: not known. */
export interface UserAgentClass {
  readonly device: Device | null;
  readonly os: OperatingSystem | null;
  readonly browser: Browser | null;
}

type Rules<Word> = readonly (readonly [pattern: RegExp, word: Word | null])[];

/**
 * The first pattern that fits decides. Fire OS is an Android, Windows Phone a Windows. Not to be told from what they claim
 * to be: Safari on an iPad (a Macintosh, unless another browser's name betrays it) and Samsung's browser on a tablet (a Linux).
 */
const OPERATING_SYSTEMS: Rules<OperatingSystem> = [
  [/Windows|Win(?:98|95|32|64|NT)|MSIE/, 'windows'],
  [/\((?:iPhone|iPad|iPod)|iPhone OS|(?:Fx|Cr|Edg|OP)iOS|Macintosh.* Mobile\/|\biOS\b/, 'ios'],
  [/Macintosh|Mac OS X/, 'macos'],
  [/OpenHarmony|HarmonyOS/, 'harmonyos'],
  [/KAIOS/i, 'kaios'],
  [/Tizen/, 'tizen'],
  [/[Ww]eb[0O]S/, 'webos'],
  [/Android|Andr0id|\bAdr /, 'android'],
  [/CrOS/, 'chromeos'],
  [/PlayStation|Nintendo|BlackBerry|BB10|Roku|Symbian|Series[46]0|Bada/, null],
  [/Linux|X11/, 'linux'],
];

const DEVICES: Rules<Device> = [
  [/PlayStation|Xbox|Nintendo/, 'console'],
  [/Smart-?TV|SMART-TV|\bTV\b|HbbTV|GoogleTV|AppleTV|MiTV|MIBOX|BRAVIA|AFT[A-Z]|CrKey|Chromecast|Roku|NetCast|Web0S|VIERA/, 'tv'],
  [/iPad|Tablet(?! PC)|PlayBook|Silk(?!.*Mobile)|Nexus (?:7|9|10)\b|Macintosh.*(?:iOS\/| Mobile\/)/, 'tablet'],
  [/Mobi|iPhone|iPod|Opera Mini|Phone|MIDP|BlackBerry|BB10|Symbian|Series[46]0|Nokia|Dalvik/, 'mobile'],
  [/Android/, 'tablet'],
  [/Windows|Win(?:98|95|32|64|NT)|MSIE|Macintosh|CrOS|X11|Linux/, 'desktop'],
];

/** Apps that show pages in a view of their own come first: they carry the name of the system's browser as well. */
const BROWSERS: Rules<Browser> = [
  [/Instagram/, 'instagram'],
  [/FBAN|FBAV|FB_IAB/, 'facebook'],
  [/musical_ly|TikTok|trill_/, 'tiktok'],
  [/Snapchat/, 'snapchat'],
  [/Pinterest/, 'pinterest'],
  [/LinkedInApp/, 'linkedin'],
  [/Twitter/, 'twitter'],
  [/MicroMessenger/, 'wechat'],
  [/\bLine\//, 'line'],
  [/KAKAOTALK/, 'kakaotalk'],
  [/GSA\//, 'google'],
  [/Edg(?:e|A|iOS)?\//, 'edge'],
  [/OPR\/|OPT\/|OPX\/|OPiOS|Opera/, 'opera'],
  [/SamsungBrowser/, 'samsung'],
  [/YaBrowser/, 'yandex'],
  [/UCBrowser|UCWEB/, 'uc'],
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
  [/Chrome\/|CriOS|Chromium/, 'chrome'],
  [/Android.*Version\//, 'android'],
  [/Version\/.*Safari/, 'safari'],
  [/(?:iPhone|iPad|iPod).*AppleWebKit/, 'webview'],
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
