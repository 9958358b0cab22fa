import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { receivePostback } from '../../../lambdas/core/receive-postback.ts';
import { CONVERSION_REASONS, TRANSPORT_REASONS } from '../../../lambdas/core/reasons.ts';
import type { ConversionCode, TransportCode } from '../../../lambdas/core/reasons.ts';
import type { InboundCall } from '../../../lambdas/core/received-call.ts';
import { aCall, aNetwork, TOKEN } from '../../support/conversions.ts';

/** What the placeholders of a case are: a stored click of the network that is asked, and one of another network. */
interface Ids {
  readonly click: string;
  readonly foreign: string;
}
type Call = (ids: Ids) => Partial<InboundCall>;
type Case = [what: string, call: Call, code: ConversionCode | TransportCode, recorded?: object];

const LIMIT = 64 * 1024;
const named = ({ click }: Ids) => `click_id=${click}&security_token=${TOKEN}`;

/** A good call with more to its query. */
const query =
  (more: string): Call =>
  (ids) => ({ query: `${named(ids)}&${more}` });
/** A call of this query alone; `<click>`, `<foreign>` and `<token>` are filled in. */
const only =
  (text: string, overrides: Partial<InboundCall> = {}): Call =>
  (ids) => ({ query: fill(text, ids), ...overrides });
const fill = (text: string, { click, foreign }: Ids) =>
  text
    .replaceAll('<click>', click)
    .replaceAll('<CLICK>', click.toUpperCase())
    .replaceAll('<cut>', click.slice(0, -1))
    .replaceAll('<foreign>', foreign)
    .replaceAll('<token>', TOKEN);
const body =
  (text: string, contentType: string | null, search = ''): Call =>
  (ids) => ({ method: 'POST', body: Buffer.from(fill(text, ids)), contentType, query: fill(search, ids) });
const FORM = 'application/x-www-form-urlencoded';
const form = (text: string, search = '') => body(`click_id=<click>&security_token=<token>&${text}`, FORM, search);
const json = (members: string, search = '') =>
  body(`{"click_id":"<click>","security_token":"<token>",${members}}`, 'application/json', search);
const bytes =
  (content: Buffer, contentType: string): Call =>
  (ids) => ({ method: 'POST', body: content, contentType, query: named(ids) });
/** A form of exactly so many bytes. */
const formOf =
  (size: number): Call =>
  (ids) => {
    const start = `${named(ids)}&x=`;
    return { method: 'POST', body: Buffer.from(start.padEnd(size, 'x')), contentType: FORM };
  };

const encode = encodeURIComponent;
const MACROS = ['{x}', '{{x}}', '${x}', '[x]', '#x#', '%x%', '(x)', 'null', 'UNDEFINED', 'None'];
const emoji = (count: number) => encode('🎉'.repeat(count));

const amounts: readonly Case[] = [
  ...[
    '１２',
    '१२',
    '+5',
    '-5',
    '-0',
    '.5',
    '5.',
    '1,5',
    '1.5,0',
    '1e3',
    '1E-3',
    '0x10',
    '0b1',
    'Infinity',
    'NaN',
    '1_000',
  ].map((text): Case => [`amount ${text}`, query(`amount=${encode(text)}`), 'INVALID_AMOUNT']),
  ...[
    ' 5',
    '5 ',
    '5\n',
    '5\0',
    '\u200f5',
    '5\u200b',
    '\ufeff5',
    '−5',
    '½',
    '٫5',
    '$5',
    '5%',
    '1 000',
    '5'.repeat(13),
  ].map((text): Case => [`amount ${JSON.stringify(text)}`, query(`amount=${encode(text)}`), 'INVALID_AMOUNT']),
  ['an amount with half a cent', query('amount=1.005'), 'INVALID_AMOUNT'],
  ['an amount with decimals that yen do not have', query('amount=1.0&currency=JPY'), 'INVALID_AMOUNT'],
  ['an amount of 100 kB', query(`amount=${'9'.repeat(100_000)}`), 'INVALID_AMOUNT'],
  ['leading zeros', query('amount=00012'), 'OK', { saleAmount: 12_000_000n }],
  ['twelve digits', query('amount=999999999999.99'), 'OK', { saleAmount: 999_999_999_999_990_000n }],
  ...MACROS.map((text): Case => [`amount ${text}`, query(`amount=${encode(text)}`), 'OK', { saleAmount: null }]),
  ['an amount that is a JSON number', json('"amount":5'), 'INVALID_AMOUNT'],
  ['an amount that is JSON true', json('"amount":true'), 'INVALID_AMOUNT'],
  ['an amount that is JSON null', json('"amount":null'), 'OK', { saleAmount: null }],
  ['an amount that is a JSON array', json('"amount":["5"]'), 'MALFORMED_REQUEST'],
  ['an amount that is a JSON object', json('"amount":{"value":"5"}'), 'MALFORMED_REQUEST'],
];

const transactions: readonly Case[] = [
  ...MACROS.map((text): Case => [`txn_id ${text}`, query(`txn_id=${encode(text)}`), 'INVALID_TXN_ID']),
  ['a macro with spaces around it', query(`txn_id=${encode('  {order_id} ')}`), 'INVALID_TXN_ID'],
  ['txn_id of spaces', query('txn_id=+++'), 'INVALID_TXN_ID'],
  ['txn_id with NUL', query('txn_id=a%00b'), 'INVALID_TXN_ID'],
  ['txn_id with a line feed', query('txn_id=a%0Ab'), 'INVALID_TXN_ID'],
  ['txn_id with a C1 control', query('txn_id=a%C2%85b'), 'INVALID_TXN_ID'],
  ['txn_id with half a surrogate pair', json('"txn_id":"\\ud83c"'), 'INVALID_TXN_ID'],
  ['txn_id of 128 emoji', query(`txn_id=${emoji(128)}`), 'OK', { txnId: '🎉'.repeat(128) }],
  ['txn_id of 129 emoji', query(`txn_id=${emoji(129)}`), 'INVALID_TXN_ID'],
  [
    'txn_id that is 129 long only before NFC',
    query(`txn_id=${encode('e\u0301'.repeat(128))}`),
    'OK',
    { txnId: 'é'.repeat(128) },
  ],
  ['txn_id with a right-to-left mark', query('txn_id=%E2%80%8FT1'), 'OK', { txnId: '\u200fT1' }],
  ['txn_id that is no UTF-8', query('txn_id=%FF'), 'OK', { txnId: '\ufffd' }],
  ['txn_id with broken escapes', query('txn_id=%zz%1'), 'OK', { txnId: '%zz%1' }],
  ['txn_id with broken escapes in a form', form('txn_id=%zz%1'), 'OK', { txnId: '%zz%1' }],
  ['txn_id with markup', query(`txn_id=${encode('"><script>')}`), 'OK', { txnId: '"><script>' }],
  [
    'txn_id that is a JSON number beyond doubles',
    json('"txn_id":9007199254740993'),
    'OK',
    { txnId: '9007199254740993' },
  ],
  ['txn_id that is JSON {}', json('"txn_id":{}'), 'MALFORMED_REQUEST'],
  ['txn_id that is JSON []', json('"txn_id":[]'), 'MALFORMED_REQUEST'],
  ['txn_id that is JSON null', json('"txn_id":null'), 'OK', { txnId: null }],
  ['txn_id that is the name of a prototype', query('txn_id=__proto__'), 'OK', { txnId: '__proto__' }],
];

const words: readonly Case[] = [
  ['status APPROVED', query('status=+APPROVED+'), 'OK', { status: 'approved' }],
  ['status CoNfIrMeD', query('status=CoNfIrMeD'), 'OK', { status: 'approved' }],
  ['status HOLD', query('status=HOLD'), 'OK', { status: 'pending' }],
  ['status that is a JSON number', json('"status":2'), 'OK', { status: 'pending' }],
  ...[
    '4',
    '01',
    '１',
    'approved,rejected',
    'approved\0',
    'approved\u200b',
    'decl\u0131ned',
    '\u017fale',
    'true',
    '__proto__',
  ].map((text): Case => [`status ${JSON.stringify(text)}`, query(`status=${encode(text)}`), 'INVALID_STATUS']),
  ...MACROS.map((text): Case => [`status ${text}`, query(`status=${encode(text)}`), 'OK', { status: 'approved' }]),
  ['currency usd with spaces', query('currency=+usd+&amount=1'), 'OK', { saleCurrency: 'USD' }],
  ...['XXX', 'XTS', 'XAU', 'DEM', 'US', 'USDT', 'U S', 'ＵＳＤ', 'u\u017fd', '$', '840', 'constructor'].map(
    (text): Case => [`currency ${text}`, query(`currency=${encode(text)}`), 'INVALID_CURRENCY'],
  ),
  ...['delete', 'add,change', 'ａdd', '__proto__'].map((text): Case => [
    `action ${text}`,
    query(`action=${encode(text)}`),
    'MALFORMED_REQUEST',
  ]),
  ['action that is JSON true', json('"action":true'), 'MALFORMED_REQUEST'],
  ['action Add', query('action=+Add+'), 'OK'],
  ['goal SALE', query('goal=+SALE+'), 'OK', { goal: 'sale' }],
  ...['\u017fale', 'sale\0', 'ｓale', '__proto__', 'toString', 'x'.repeat(9_000), '0'].map((text): Case => [
    `goal ${text.slice(0, 20)}`,
    query(`goal=${encode(text)}`),
    'UNKNOWN_GOAL',
  ]),
  ...MACROS.map((text): Case => [`goal ${text}`, query(`goal=${encode(text)}`), 'OK', { goal: 'sale' }]),
];

const identities: readonly Case[] = [
  ...MACROS.map((text): Case => [
    `click_id ${text}`,
    only(`click_id=${encode(text)}&security_token=<token>`),
    'INVALID_CLICK_ID',
  ]),
  ['a click id in upper case with spaces', only('click_id=+<CLICK>%0A&security_token=<token>'), 'OK'],
  ['a click id that is cut', only('click_id=<cut>&security_token=<token>'), 'INVALID_CLICK_ID'],
  ['a click id with one character more', only('click_id=<click>a&security_token=<token>'), 'INVALID_CLICK_ID'],
  ['a click id with NUL', only('click_id=<click>%00&security_token=<token>'), 'INVALID_CLICK_ID'],
  ['a click id with a zero-width space', only('click_id=%E2%80%8B<click>&security_token=<token>'), 'INVALID_CLICK_ID'],
  ['a click id of another network', only('click_id=<foreign>&security_token=<token>'), 'INVALID_CLICK_ID'],
  ['a click id of 100 kB', only(`click_id=${'a'.repeat(100_000)}&security_token=<token>`), 'INVALID_CLICK_ID'],
  [
    'a click id that is JSON {}',
    body('{"click_id":{},"security_token":"<token>"}', 'application/json'),
    'MALFORMED_REQUEST',
  ],
  ['a click id under an array name', only('click_id[]=<click>&security_token=<token>'), 'MISSING_PARAMETER'],
  ['a click id under a name in another case', only('Click_ID=<click>&security_token=<token>'), 'MISSING_PARAMETER'],
  ['a token in upper case', only(`click_id=<click>&security_token=${TOKEN.toUpperCase()}`), 'INVALID_SECURITY_TOKEN'],
  ['a token with a space', only('click_id=<click>&security_token=+<token>'), 'INVALID_SECURITY_TOKEN'],
  ['a token with NUL', only('click_id=<click>&security_token=<token>%00'), 'INVALID_SECURITY_TOKEN'],
  ['a token that is a macro', only('click_id=<click>&security_token={token}'), 'INVALID_SECURITY_TOKEN'],
  ['a token of 100 kB', only(`click_id=<click>&token=${'A'.repeat(100_000)}`), 'INVALID_SECURITY_TOKEN'],
  ['a token under a name in another case', only('click_id=<click>&Security_Token=<token>'), 'INVALID_SECURITY_TOKEN'],
  ['a token as the name of a parameter', only('click_id=<click>&<token>=1'), 'INVALID_SECURITY_TOKEN'],
  ['token and click id exchanged', only('click_id=<token>&security_token=<click>'), 'INVALID_CLICK_ID'],
  [
    'a token as the wrong one of two names',
    only('click_id=<click>&security_token=wrong&token=<token>'),
    'INVALID_SECURITY_TOKEN',
  ],
  ['a token twice', only('click_id=<click>&token=<token>&token=<token>'), 'MALFORMED_REQUEST'],
  [
    'a token in a JSON array',
    body('{"click_id":"<click>","token":["<token>"]}', 'application/json'),
    'MALFORMED_REQUEST',
  ],
  ['a token in a body that nobody can read', body('{"token":"<token>"', 'application/json'), 'MALFORMED_REQUEST'],
  [
    'a token after another scheme',
    only('click_id=<click>', { authorization: `Basic ${TOKEN}` }),
    'INVALID_SECURITY_TOKEN',
  ],
  ['a token after two spaces', only('click_id=<click>', { authorization: `bearer  ${TOKEN}` }), 'OK'],
  [
    'a token beside a wrong one in the header',
    only('click_id=<click>&token=<token>', { authorization: 'Bearer wrong' }),
    'OK',
  ],
  ['a token again in values that are kept', query(`sub1=${TOKEN}&user_agent=${TOKEN}&x=${TOKEN}`), 'OK'],
];

const shapes: readonly Case[] = [
  [
    'the query against the body: the body wins',
    form('txn_id=B&status=pending', 'txn_id=Q&status=approved'),
    'OK',
    { txnId: 'B', status: 'pending' },
  ],
  ['another click in the body', body('click_id=x', FORM, 'click_id=<click>&token=<token>'), 'INVALID_CLICK_ID'],
  ['a parameter twice in the query', query('txn_id=A&txn_id=A'), 'MALFORMED_REQUEST'],
  ['a parameter twice, once empty', query('txn_id=&txn_id=A'), 'MALFORMED_REQUEST'],
  ['a parameter twice, once escaped', query('txn_id=A&txn%5Fid=B'), 'MALFORMED_REQUEST'],
  ['a member twice', json('"amount":"1","amount":"1"'), 'MALFORMED_REQUEST'],
  ['a member twice, once escaped', json('"amount":"1","\\u0061mount":"2"'), 'MALFORMED_REQUEST'],
  [
    'array names',
    query('txn_id[]=A&txn_id[0]=B&sale_amount[x]=-1&status[]=trash'),
    'OK',
    { txnId: null, status: 'approved' },
  ],
  ['names of a prototype', query('__proto__=1&constructor=2&hasOwnProperty=3&__proto__[status]=trash'), 'OK'],
  [
    'members of a prototype',
    json('"__proto__":{"txn_id":"A"},"constructor":{"prototype":{"status":"trash"}}'),
    'OK',
    { txnId: null },
  ],
  [
    'parameters only in a prototype',
    body('{"__proto__":{"click_id":"<click>"},"token":"<token>"}', 'application/json'),
    'MISSING_PARAMETER',
  ],
  [
    'parameters one level down',
    body('{"data":{"click_id":"<click>"},"token":"<token>"}', 'application/json'),
    'MISSING_PARAMETER',
  ],
  ['a JSON array', body('[{"click_id":"<click>"}]', 'application/json', 'token=<token>'), 'MALFORMED_REQUEST'],
  ['JSON true', body('true', 'application/json', 'click_id=<click>&token=<token>'), 'MALFORMED_REQUEST'],
  ['JSON text', body('"click_id=<click>"', 'application/json', 'token=<token>'), 'MALFORMED_REQUEST'],
  ['JSON with a comma too many', json('"txn_id":"A",'), 'MALFORMED_REQUEST'],
  ['JSON with a comment', json('"txn_id":"A"/**/'), 'MALFORMED_REQUEST'],
  [
    'JSON after a byte order mark',
    body('\ufeff{"click_id":"<click>","token":"<token>"}', 'application/json'),
    'MALFORMED_REQUEST',
  ],
  ['a form after a byte order mark', body('\ufeffclick_id=<click>&token=<token>', FORM), 'MISSING_PARAMETER'],
  ['gzip that says it is JSON', bytes(gzipSync('{}'), 'application/json'), 'MALFORMED_REQUEST'],
  ['gzip that says it is a form', bytes(gzipSync('txn_id=A'), FORM), 'OK', { txnId: null }],
  [
    'UTF-16 that says it is JSON',
    bytes(Buffer.from('{"txn_id":"A"}', 'utf16le'), 'application/json'),
    'MALFORMED_REQUEST',
  ],
  ['a form with a charset', body('click_id=<click>&token=<token>', `${FORM}; charset=ISO-8859-1`), 'OK'],
  ['JSON in capitals', body('{"click_id":"<click>","token":"<token>"}', ' APPLICATION/JSON ;charset="utf-8"'), 'OK'],
  ['JSON sent as a form', body('{"click_id":"<click>","token":"<token>"}', FORM), 'MISSING_PARAMETER'],
  ['a form sent as JSON', body('click_id=<click>&token=<token>', 'application/json'), 'MALFORMED_REQUEST'],
  ...[
    'text/plain',
    'text/json',
    'application/json-patch+json',
    'application/xml',
    'application/json, text/plain',
    null,
  ].map((type): Case => [
    `a body of type ${type}`,
    body('{}', type, 'click_id=<click>&token=<token>'),
    'UNSUPPORTED_CONTENT_TYPE',
  ]),
  [
    'multipart',
    body('--b\r\n', 'multipart/form-data; boundary=b', 'click_id=<click>&token=<token>'),
    'UNSUPPORTED_CONTENT_TYPE',
  ],
  ['64 kB', formOf(LIMIT), 'OK'],
  ['64 kB and one byte', formOf(LIMIT + 1), 'BODY_TOO_LARGE'],
  ['10,000 parameters', query('x=1&'.repeat(10_000)), 'OK'],
  ['another method', (ids) => ({ method: 'PUT', query: named(ids) }), 'METHOD_NOT_ALLOWED'],
  ['a sender in the path that is none', (ids) => ({ senderId: '../xyz', query: named(ids) }), 'INVALID_SECURITY_TOKEN'],
  [
    'a sender in the path that is a prototype',
    (ids) => ({ senderId: '__proto__', query: named(ids) }),
    'INVALID_SECURITY_TOKEN',
  ],
  ['a payout that nobody accepts', query('payout=-1&revenue=NaN'), 'OK', { payout: 2_500_000n, revenue: 4_000_000n }],
  ['a payout that is a JSON object', json('"payout":{"amount":"1"}'), 'MALFORMED_REQUEST'],
  ['values with half a surrogate pair', json('"sub1":"a\\ud83c"'), 'OK', { values: { p1: 'tia-1', sub1: 'a\ufffd' } }],
  [
    'values that are cut within an emoji',
    query(`sub1=x${emoji(256)}`),
    'OK',
    { values: { p1: 'tia-1', sub1: `x${'🎉'.repeat(255)}` } },
  ],
  ['an address that is none', query('ip=999.1.1.1%0D%0Aset-cookie:a'), 'OK', { values: { p1: 'tia-1' } }],
];

const isTransport = (code: string): code is TransportCode => Object.hasOwn(TRANSPORT_REASONS, code);

describe.each([
  ['amounts', amounts],
  ['transactions', transactions],
  ['words', words],
  ['identities', identities],
  ['shapes', shapes],
])('hostile %s', (_, cases) => {
  it.each<Case>(cases)('%s', async (__, callOf, code, recorded) => {
    const network = aNetwork();
    const ids = { click: await network.click(), foreign: aNetwork().mint() };
    const answer = await receivePostback(aCall(callOf(ids)), network.deps);

    expect(answer.body).toMatchObject({ code });
    expect(answer.status).toBe(isTransport(code) ? TRANSPORT_REASONS[code].http : CONVERSION_REASONS[code].http);
    const conversions = [...network.store.conversions.values()];
    expect(conversions).toMatchObject(code === 'OK' ? [recorded ?? {}] : []);
    // What is refused leaves its hit and nothing else.
    expect(network.store.history).toHaveLength(conversions.length);
    expect(await network.store.clickGoals(ids.click)).toHaveLength(conversions.length);
    expect(await network.store.dueParked(Infinity, 1)).toEqual([]);
    const hits = [...network.hits.rows.values()];
    expect(hits).toMatchObject(isTransport(code) ? [] : [{ code, status: answer.status }]);
    // No token and no half of a character, wherever it stood (invariant 12).
    expect(JSON.stringify([hits, answer])).not.toContain(TOKEN);
    expect(JSON.stringify(hits).isWellFormed()).toBe(true);
  });
});

describe('transactions that only look different', () => {
  it.each([
    ['composed', 'é', 'e\u0301'],
    ['with spaces', 'A 1', ' A 1\t'],
    ['with a byte order mark, which is a space to JavaScript', 'A', '\ufeffA'],
    ['Hangul', '한', '\u1112\u1161\u11ab'],
  ])('are the same: %s', async (_, first, second) => {
    const network = aNetwork();
    const click_id = await network.click();
    expect((await network.call({ click_id, txn_id: first })).body).toMatchObject({ code: 'OK' });
    expect((await network.call({ click_id, txn_id: second })).body).toMatchObject({ code: 'DUPLICATE_CONVERSION' });
  });

  it.each([
    ['case', 'a', 'A'],
    ['width', 'A', 'Ａ'],
    ['a right-to-left mark', 'A', '\u200fA'],
    ['a ligature', 'fi', 'ﬁ'],
    ['zeros', '1', '01'],
  ])('are not the same: %s', async (_, first, second) => {
    const network = aNetwork();
    const click_id = await network.click();
    for (const txn_id of [first, second]) {
      expect((await network.call({ click_id, txn_id })).body).toMatchObject({ code: 'OK' });
    }
  });
});
