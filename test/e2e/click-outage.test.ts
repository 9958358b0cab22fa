import { describe } from 'vitest';
import { clickOutageTests } from '../support/click-outage-tests.ts';

describe('clicks while storage is down', () => clickOutageTests({ seconds: 2, comesAgainAfter: 5 }));
