import { recordConversionTests } from '../support/record-conversion-tests.ts';

recordConversionTests(
  { identical: 200, rounds: 20, sales: 300, crashes: true },
  { identical: 200, rounds: 20, sales: 300, crashes: true },
);
