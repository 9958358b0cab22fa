import * as z from 'zod';

export const deadLetterRedrive = z.strictObject({ discard_malformed: z.boolean().default(false) });
