import { describe } from 'vitest';
import { deliveryFaultTests } from '../support/delivery-fault-tests.ts';
import { SEED } from '../support/seeded-random.ts';

describe(`deliveries while publishers fail and workers are killed (SEED=${SEED})`, () =>
  deliveryFaultTests({ conversions: 100, letters: 20, kills: 1 }));
