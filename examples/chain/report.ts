import type { ClickHop, ConversionHop, Walk } from './walk.ts';

/** The walk as text for a terminal. */
export function formatWalk({ clicks, shop, conversions, backMs, missing }: Walk): string {
  const lines = [
    'The click, from hop to hop',
    '',
    row('hop', 'status', 'ms', 'ID received', 'ID minted'),
    ...clicks.flatMap(clickRows),
    row('xyz', shop.status || '-', '', shop.clickId ?? '-', shop.orderId === null ? '-' : `order ${shop.orderId}`),
    '',
    'The conversion, back from hop to hop',
    '',
    row('hop', 'status', 'ms', 'ID returned', 'revenue  payout  margin'),
    ...conversions.flatMap(conversionRows),
    '',
    verdict(missing, backMs),
  ];
  return lines.map((line) => line.trimEnd()).join('\n');
}

function row(hop: string, status: string | number, ms: string | number, first: string, second: string): string {
  return `  ${hop.padEnd(11)} ${String(status).padEnd(7)} ${String(ms).padStart(4)}  ${first.padEnd(34)}${second}`;
}

function clickRows({ network, status, ms, received, minted, location, stored }: ClickHop): string[] {
  const known = stored !== null && stored.p1 === received ? '' : '  (not stored so)';
  return [
    row(network, status, Math.round(ms), shorten(received), (minted ?? '-') + known),
    `      -> ${location ?? 'nowhere'}`,
  ];
}

function conversionRows({ from, to, url, status, code, ms, conversion }: ConversionHop): string[] {
  const money =
    conversion === null
      ? '-'
      : [conversion.revenue, conversion.payout, margin(conversion.revenue, conversion.payout)]
          .map((amount) => amount.padStart(7))
          .join(' ')
          .concat(` ${conversion.currency}`);
  return [
    row(
      `${from} -> ${to}`,
      status === null ? '-' : `${status} ${code ?? ''}`,
      ms ?? '-',
      conversion?.click_id ?? '-',
      money,
    ),
    `      GET ${url ?? '(not seen)'}`,
  ];
}

function verdict(missing: readonly string[], backMs: number): string {
  return missing.length === 0
    ? `Every hop was seen and every ID came back to the hop that minted it; the conversion took ${(backMs / 1_000).toFixed(1)} s.`
    : `NOT COMPLETE. Missing: ${missing.join('; ')}.`;
}

/** The follower's own value may be of any length and hold anything. */
function shorten(text: string): string {
  const plain = JSON.stringify(text).slice(1, -1);
  return plain.length <= 32 ? plain : `${plain.slice(0, 31)}…`;
}

/** Difference of two decimals, exact, in the decimals of the longer one. */
function margin(revenue: string, payout: string): string {
  const decimals = Math.max(...[revenue, payout].map((text) => text.split('.')[1]?.length ?? 0));
  const units = (text: string) => {
    const [whole = '0', fraction = ''] = text.split('.');
    return BigInt(whole + fraction.padEnd(decimals, '0'));
  };
  const difference = units(revenue) - units(payout);
  const sign = difference < 0n ? '-' : '';
  const digits = (difference < 0n ? -difference : difference).toString().padStart(decimals + 1, '0');
  return decimals === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
