import { repeatTests } from '../support/repeat-tests.ts';

repeatTests({ rounds: 20, identical: 200 });
