import { createHash } from 'node:crypto';

import type { Order, Report } from './shop.ts';

interface Product {
  readonly name: string;
  readonly price: string;
  readonly currency: string;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #20302b; --paper: #fbf8f1; --card: #fff; --line: #ddd6c6; --accent: #1d6b52; --on-accent: #fff; --muted: #5b675f; --bad: #a3341f; }
@media (prefers-color-scheme: dark) { :root { --ink: #ebe8df; --paper: #161c19; --card: #1f2723; --line: #3a453f; --accent: #7fd3b2; --on-accent: #10231b; --muted: #a9b5ad; --bad: #ff9c86; } }
* { box-sizing: border-box; }
body { margin: 0; font: 1.05rem/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
header, main, footer { max-width: 46rem; margin: 0 auto; padding: 1.25rem; }
header { display: flex; align-items: baseline; gap: .75rem; border-bottom: 1px solid var(--line); }
header a { font-weight: 700; font-size: 1.2rem; color: inherit; text-decoration: none; }
header span, footer, .muted { color: var(--muted); }
h1 { line-height: 1.2; margin: .5rem 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem; margin: 1.25rem 0; }
.product { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); align-items: center; }
.product svg { width: 100%; height: auto; max-height: 16rem; }
.frame { fill: var(--accent); }
.handle { fill: none; stroke: var(--accent); stroke-width: 6; }
.price { font-size: 1.5rem; font-weight: 700; }
button { font: inherit; font-weight: 700; color: var(--on-accent); background: var(--accent); border: 0; border-radius: .5rem; padding: .75rem 1.5rem; cursor: pointer; }
a { color: var(--accent); }
button:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
code { font-size: .85rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; }
.bad { color: var(--bad); }
`;

/** Lets the one style of these pages through the content security policy, and nothing else. */
export const STYLE_HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`;

const LANTERN = `<svg viewBox="0 0 200 200" role="img" aria-label="A small camping lantern, lit">
<circle cx="100" cy="112" r="78" fill="#f6c453" opacity=".25"/><path d="M70 62a30 30 0 0 1 60 0" class="handle"/>
<rect x="66" y="62" width="68" height="14" rx="4" class="frame"/><rect x="72" y="76" width="56" height="70" rx="6" fill="#f9dc8f"/>
<path d="M100 92c14 16 14 26 0 40-14-14-14-24 0-40z" fill="#e08a1e"/><rect x="62" y="146" width="76" height="18" rx="5" class="frame"/></svg>`;

/** Everything that a page prints goes through here. */
function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function page(title: string, body: string, refreshSeconds?: number): string {
  const refresh = refreshSeconds === undefined ? '' : `<meta http-equiv="refresh" content="${refreshSeconds}">`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">${refresh}
<title>${escape(title)} - XYZ Outdoor</title><style>${STYLE}</style></head>
<body>
<header><a href="/">XYZ Outdoor</a> <span>things for nights outside</span></header>
<main>
${body}
</main>
<footer>A demonstration shop. Nothing is charged and nothing is sent.</footer>
</body>
</html>
`;
}

export function landingPage(product: Product, clickId: string | null): string {
  const visit =
    clickId === null
      ? '<p class="muted">You came by yourself: a purchase will be reported to nobody.</p>'
      : `<p class="muted">A network sent you, with the click ID <code>${escape(clickId)}</code>.</p>`;
  return page(
    product.name,
    `<div class="card product">
${LANTERN}
<div><h1>${escape(product.name)}</h1>
<p>Warm light for forty hours, and it folds flat.</p>
<p class="price">${escape(product.price)} ${escape(product.currency)}</p>
<form method="post" action="/buy"><button type="submit">Buy now</button></form></div>
</div>
${visit}`,
  );
}

export function orderPage(product: Product, order: Order): string {
  const title = 'Thank you for your order';
  const head = `<h1>${title}</h1>
<p>Order <strong>${escape(order.id)}</strong>: ${escape(product.name)}, ${escape(order.amount)} ${escape(order.currency)}.</p>`;
  if (order.postback_url === null) {
    return page(title, `${head}<p class="muted">Nobody sent you, so the sale was reported to nobody.</p>`);
  }
  const said = {
    unreported: '',
    reporting:
      '<p role="status">The network has not taken it yet; the shop tries again. This page reloads by itself.</p>',
    reported: '<p role="status">The network that sent you has taken the sale.</p>',
    failed: '<p role="status" class="bad">The network has not taken the sale, and the shop has given up.</p>',
  }[order.state];
  return page(
    title,
    `${head}
<section class="card" aria-labelledby="reported">
<h2 id="reported">What the shop reported</h2>
${said}
<p><code>GET ${escape(order.postback_url)}</code></p>
<table><thead><tr><th scope="col">Status</th><th scope="col">Time</th><th scope="col">Answer</th></tr></thead>
<tbody>${order.reports.map(reportRow).join('')}</tbody></table>
</section>
<p><a href="/">Back to the shop</a></p>`,
    order.state === 'reporting' ? 2 : undefined,
  );
}

function reportRow(report: Report): string {
  const status = report.status === null ? '<span class="bad">none</span>' : String(report.status);
  return `<tr><td>${status}</td><td>${report.duration_ms} ms</td><td><code>${escape(report.body)}</code></td></tr>`;
}

/** For all that is refused; says nothing of the request. */
export function notFoundPage(): string {
  return page('Not available', '<h1>Not available</h1><p><a href="/">Back to the shop</a></p>');
}
