import { describe } from 'vitest';
import { conversionFaultTests } from '../support/conversion-fault-tests.ts';
import { SEED } from '../support/seeded-random.ts';

describe(`conversions while storage fails for long (SEED=${SEED})`, () =>
  conversionFaultTests({ postbacks: 5_000, sales: 300, deliverLater: false }));
