import { describe } from 'vitest';
import { conversionFaultTests } from '../support/conversion-fault-tests.ts';
import { SEED } from '../support/seeded-random.ts';

describe(`conversions while storage fails (SEED=${SEED})`, () =>
  conversionFaultTests({ postbacks: 200, sales: 0, deliverLater: true }));
