import { writeFileSync } from 'node:fs';
import { createOpenApi } from './document.ts';

/** `npm run openapi`: writes the document that is checked in and deployed. */
writeFileSync('docs/api/openapi.json', `${JSON.stringify(createOpenApi(), null, 2)}\n`);
