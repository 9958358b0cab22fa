import { recordConversionTests } from '../support/record-conversion-tests.ts';

recordConversionTests(
  { identical: 200, rounds: 1, sales: 300, crashes: true },
  { identical: 24, rounds: 1, sales: 90, crashes: false },
);
