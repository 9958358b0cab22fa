import { describe } from 'vitest';
import { deliveryFaultTests } from '../support/delivery-fault-tests.ts';
import { SEED } from '../support/seeded-random.ts';

describe(`deliveries while publishers fail and workers are killed for long (SEED=${SEED})`, () =>
  deliveryFaultTests({ conversions: 2_000, letters: 200, kills: 8 }));
