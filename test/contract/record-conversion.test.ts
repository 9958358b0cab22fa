import { recordConversionTests } from '../support/record-conversion-tests.ts';

recordConversionTests(
  { identical: 200, rounds: 5, sales: 300, crashes: true },
  { identical: 40, rounds: 1, sales: 90, crashes: false },
);
