import { repeatTests } from '../support/repeat-tests.ts';

repeatTests({ rounds: 1, identical: 100 });
