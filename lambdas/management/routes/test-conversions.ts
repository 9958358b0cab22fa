import { CONVERSION_REASONS } from '../../core/reasons.ts';
import type { ConversionCode } from '../../core/reasons.ts';
import { testConversion } from '../../core/test-conversion.ts';
import type { ApiRequest, Deps, Handle } from '../http.ts';
import { invalidField, notFound } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { newTestConversion } from '../schemas/conversion.ts';
import { validate } from '../validation.ts';
import { readConversion } from './conversions.ts';
import { CLICK_ID, clickIdOf } from './facts.ts';

/** The field that a refusal is about, where it is always the same. */
const FIELDS: Readonly<Partial<Record<ConversionCode, string>>> = {
  INVALID_TXN_ID: 'txn_id',
  INVALID_STATUS: 'status',
  INVALID_CURRENCY: 'currency',
  UNKNOWN_GOAL: 'goal',
  MISSING_AMOUNT: 'sale_amount',
};

/** Its id follows from the Idempotency-Key, so that a repeat makes no other one. */
async function create(request: ApiRequest, deps: Deps): Promise<Answer> {
  const { by, newId, remember } = request;
  const parameters = validate(newTestConversion, request.body ?? {});
  const clickId = clickIdOf(request.params['id'] ?? '');
  const id = newId();
  const tested = CLICK_ID.test(clickId)
    ? await testConversion(clickId, parameters, { conversionId: id, by }, deps.conversions)
    : null;
  if (tested === null) throw notFound('click');
  if (tested.conversion === null) {
    const field = FIELDS[tested.code];
    const message = tested.message ?? CONVERSION_REASONS[tested.code].message;
    throw invalidField(field === undefined ? '' : `/${field}`, tested.code, message);
  }
  return remember({ ...(await readConversion({ ...request, params: { id } }, deps)), status: 201 });
}

export const testConversionHandlers = {
  'POST /v1/clicks/:id/test-conversion': create,
} satisfies Record<string, Handle>;
