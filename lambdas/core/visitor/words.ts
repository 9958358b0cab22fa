/**
 * The words that targeting, clicks and reports use for a visitor's device, operating system and browser, and what users of
 * other trackers call the same. Apart from the classifier, so that the redirect does not carry the synonyms.
 */
const DEVICES = {
  desktop: ['computer', 'pc', 'laptop'],
  mobile: ['phone', 'smartphone', 'smart phone', 'mobile phone', 'handset', 'feature phone'],
  tablet: ['phablet'],
  tv: ['smart tv', 'smarttv', 'television', 'connected tv', 'ctv'],
  console: ['game console', 'games console', 'gaming console'],
} as const satisfies Words;

const OPERATING_SYSTEMS = {
  windows: ['win', 'microsoft windows', 'windows phone'],
  macos: ['mac', 'mac os', 'mac os x', 'os x', 'osx'],
  linux: ['gnu/linux', 'ubuntu', 'debian', 'fedora'],
  android: ['fire os', 'fireos'],
  ios: ['ipados', 'iphone os', 'iphone', 'ipad'],
  chromeos: ['chrome os', 'chromium os', 'cros'],
  harmonyos: ['harmony os', 'openharmony'],
  kaios: ['kai os'],
  tizen: [],
  webos: ['web os', 'web0s', 'lg webos'],
} as const satisfies Words;

const BROWSERS = {
  chrome: ['google chrome', 'chrome mobile', 'mobile chrome', 'chrome mobile ios', 'chromium'],
  safari: ['mobile safari', 'apple safari'],
  firefox: ['mozilla firefox', 'firefox mobile', 'firefox focus'],
  edge: ['microsoft edge', 'ms edge', 'edge mobile'],
  opera: ['opera mobile', 'opera mini', 'opera touch', 'opera gx'],
  samsung: ['samsung internet', 'samsung browser', 'samsung internet for android', 'samsungbrowser'],
  ie: ['internet explorer', 'microsoft internet explorer', 'msie', 'iemobile'],
  yandex: ['yandex browser', 'yabrowser'],
  uc: ['uc browser', 'ucbrowser', 'ucweb'],
  miui: ['miui browser', 'mi browser', 'xiaomi browser', 'xiaomi'],
  huawei: ['huawei browser'],
  heytap: ['heytap browser', 'oppo browser', 'oppo'],
  vivo: ['vivo browser'],
  qq: ['qq browser', 'qqbrowser', 'mqqbrowser'],
  whale: ['naver whale', 'naver whale browser'],
  duckduckgo: ['duckduckgo browser', 'duckduckgo privacy browser', 'ddg'],
  silk: ['amazon silk'],
  vivaldi: [],
  android: ['android browser', 'stock android browser', 'aosp browser'],
  webview: ['android webview', 'chrome webview', 'ios webview', 'wkwebview', 'in-app'],
  google: ['google app', 'google search app', 'google search', 'gsa'],
  facebook: ['facebook app', 'facebook messenger', 'messenger', 'fb'],
  instagram: ['instagram app', 'ig'],
  tiktok: ['tik tok', 'tiktok app', 'musical.ly'],
  snapchat: ['snap', 'snapchat app'],
  pinterest: ['pinterest app'],
  linkedin: ['linkedin app', 'linkedinapp'],
  twitter: ['x', 'twitter app'],
  wechat: ['weixin', 'micromessenger'],
  line: ['line app'],
  kakaotalk: ['kakao talk', 'kakao'],
} as const satisfies Words;

type Words = Readonly<Record<string, readonly string[]>>;

export type Device = keyof typeof DEVICES;
export type OperatingSystem = keyof typeof OPERATING_SYSTEMS;
export type Browser = keyof typeof BROWSERS;

export const DEVICE_WORDS: readonly string[] = Object.keys(DEVICES);
export const OPERATING_SYSTEM_WORDS: readonly string[] = Object.keys(OPERATING_SYSTEMS);
export const BROWSER_WORDS: readonly string[] = Object.keys(BROWSERS);

/** Our word for what an operator calls a kind of device, in any case; null: no such thing. */
export const normaliseDevice = normaliser(DEVICES);
/** Our word for what an operator calls an operating system, in any case; null: no such thing. */
export const normaliseOs = normaliser(OPERATING_SYSTEMS);
/** Our word for what an operator calls a browser, in any case; null: no such thing. */
export const normaliseBrowser = normaliser(BROWSERS);

function normaliser(words: Words): (word: string) => string | null {
  const known = new Map<string, string>();
  for (const [word, synonyms] of Object.entries(words)) {
    for (const name of [word, ...synonyms]) known.set(plain(name), word);
  }
  return (word) => known.get(plain(word)) ?? null;
}

/** `Smart-TV`, `smart_tv` and ` smart  tv ` are one word. */
function plain(word: string): string {
  return word
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, ' ');
}
