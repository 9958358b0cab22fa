import type { Json } from '../json.ts';
import { isJsonObject, parseJson } from '../json.ts';

/**
 * The ids that a function reports as failed by `ReportBatchItemFailures`; undefined if the whole batch counts as failed.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 *
 * @param payload what the function answered
 * @param ids those of the batch
 */
export function failedIds(payload: string, ids: readonly string[]): Set<string> | undefined {
  let answer: Json;
  try {
    answer = parseJson(payload);
  } catch {
    return undefined;
  }
  if (answer === null || answer === '') return new Set();
  if (!isJsonObject(answer)) return undefined;
  const failures = answer.batchItemFailures ?? [];
  if (!Array.isArray(failures)) return undefined;
  const known = new Set(ids);
  const failed = new Set<string>();
  for (const failure of failures) {
    const id = isJsonObject(failure) ? failure.itemIdentifier : undefined;
    if (typeof id !== 'string' || !known.has(id)) return undefined;
    failed.add(id);
  }
  return failed;
}
